"""The bank's network face: a bank that is served over TLS, and the client that devices use.

`server.BankServer` serves one bank. `remote_bank.RemoteBank` is a client with the methods of a
bank in the same process. docs/bank_face.md has the protocol.
"""
