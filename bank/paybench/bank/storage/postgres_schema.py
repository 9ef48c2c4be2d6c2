"""The tables of the PostgreSQL storage."""

SCHEMA_VERSION = 1
"""Raised with every change to a table: tables of another version are refused, not guessed at."""

# Whose tables these are: which part of which bank. A bank that opens them raises the epoch, so
# that one that had them before, and has lost them in between, can tell.
_BANK = """
CREATE TABLE paybench_bank (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    version integer NOT NULL,
    part text NOT NULL,
    bank_id text NOT NULL,
    epoch bigint NOT NULL
);
"""

# A settlement begins once (`follows` is 0), and each record has one successor at most.
# `pending` is read off the log: the records that have no successor yet and will become due.
LOG = f"""{_BANK}
CREATE TABLE log_record (
    number bigint PRIMARY KEY,
    settlement_id text COLLATE "C" NOT NULL,
    payer bigint NOT NULL,
    payee bigint NOT NULL,
    amount_minor bigint NOT NULL
        CHECK (amount_minor > 0 OR (amount_minor = 0 AND kind = 'refused')),
    currency text NOT NULL,
    counter bigint,
    signature bytea NOT NULL,
    reason text,
    payer_balance_minor bigint NOT NULL,
    created_ns bigint NOT NULL,
    kind text NOT NULL,
    restriction text,
    held text,
    due_ns bigint,
    follows bigint NOT NULL CHECK (follows >= 0 AND follows < number),
    held_minor bigint NOT NULL,
    CONSTRAINT "UNIQUE (settlement_id, follows)" UNIQUE (settlement_id, follows)
);

CREATE TABLE servers (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    count integer NOT NULL
);

INSERT INTO servers VALUES (1, 0);

CREATE TABLE pending (
    number bigint PRIMARY KEY,
    due_ns bigint NOT NULL
);

CREATE INDEX pending_by_due_ns ON pending (due_ns);

CREATE FUNCTION log_record_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a log record is never changed and never deleted'; END $$;

CREATE TRIGGER log_record_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON log_record
FOR EACH STATEMENT EXECUTE FUNCTION log_record_stays();
"""  # noqa: S608 - no value is put into it

# An account's lines are a chain from `newest` along `previous`: appending costs no index, and a
# statement reads its newest lines first. `place` is computed from branch and number. Room is left
# on each page of accounts, so that one that changes stays on its page and no index is written.
ACCOUNTS = f"""{_BANK}
CREATE TABLE data_file (
    place bigint PRIMARY KEY,
    holder text NOT NULL,
    approval_key bytea,
    balance_minor bigint NOT NULL CHECK (balance_minor >= blocked_minor OR place = 0),
    highest_counter bigint NOT NULL,
    seen_counters bigint NOT NULL,
    blocked_minor bigint NOT NULL CHECK (blocked_minor >= 0),
    born date,
    highest_proof bigint NOT NULL,
    seen_proofs bigint NOT NULL,
    newest bigint,
    particular_since bigint,
    closed boolean NOT NULL
) WITH (fillfactor = 60);

CREATE INDEX particular ON data_file (place) WHERE particular_since IS NOT NULL;

CREATE TABLE auxiliary_file (
    place bigint PRIMARY KEY,
    balance_minor bigint NOT NULL,
    newest bigint
) WITH (fillfactor = 60);

CREATE TABLE line (
    id bigint PRIMARY KEY,
    previous bigint,
    account bigint NOT NULL,
    settlement_id text NOT NULL,
    counterparty bigint NOT NULL,
    amount_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    at_ns bigint NOT NULL,
    kind text NOT NULL,
    blocked_minor bigint NOT NULL
);

CREATE TABLE standing (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    withdrawn_to bigint NOT NULL,
    deposited_to bigint NOT NULL CHECK (deposited_to <= withdrawn_to),
    in_transit_minor bigint NOT NULL,
    arrived_to bigint NOT NULL
);
"""
