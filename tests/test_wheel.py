"""What a customer gets: the wheel, installed, beside a project of the customer's own."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UV = os.environ.get("UV") or shutil.which("uv")

pytestmark = pytest.mark.skipif(
    UV is None, reason="uv builds the wheel: run the tests with make test or uv run pytest"
)

SCENARIO = '''import devices
from paybench.scenarios import scenario

assert devices.MINE


@scenario(variants=["relayed", "direct"])
def coffee(rig, variant):
    """B buys a coffee."""
    register = rig.shop("A").cash_register(settles=variant)
    phone = rig.customer("B", balance="20.00", password="2468").phone()
    register.scan("4901234567894", price="2.50")
    register.bill(phone)
    phone.approve(password="2468")
    register.expects("PAID 2.50")
'''


def call(*command, cwd=None):
    # A project beside an installed wheel knows nothing of this one's environment.
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    code, said = call(UV, "build", "--wheel", "--quiet", "--out-dir", folder, ROOT)
    if code and "ould not" in said and ("connect" in said or "dns" in said.lower()):
        pytest.skip("building the wheel needs hatchling from the package index: no network")
    assert code == 0, said
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_four_rooms_and_nothing_else(wheel):
    """Only paybench's own files go into site-packages, as a namespace package, with types."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"paybench", f"paybench-{wheel.name.split('-')[1]}.dist-info"}
    assert "paybench/__init__.py" not in names
    for room in ("bank", "devices", "hil", "scenarios"):
        assert f"paybench/{room}/py.typed" in names


def test_a_customers_project_with_rooms_of_the_same_names(wheel, tmp_path):
    """A project with its own devices and scenarios packages runs and tests beside the wheel."""
    venv, project = tmp_path / "venv", tmp_path / "project"
    code, said = call(UV, "venv", "--quiet", "--python", sys.executable, venv)
    assert code == 0, said
    python = venv / "bin" / "python"
    code, said = call(UV, "pip", "install", "--quiet", "--python", python, wheel)
    assert code == 0, said
    for room in ("devices", "scenarios"):
        (project / room).mkdir(parents=True)
        (project / room / "__init__.py").write_text("MINE = True\n")
    (project / "scenarios" / "coffee.py").write_text(SCENARIO)
    (project / "test_own.py").write_text(
        "import devices, scenarios\n\n\ndef test_own():\n    assert scenarios.MINE\n"
    )
    code, said = call(venv / "bin" / "paybench", "run", "scenarios", cwd=project)
    assert (code, said.splitlines()[-1]) == (0, "2 passed"), said
    code, said = call(python, "-m", "pytest", "-q", cwd=project)
    assert code == 0, said
    assert "3 passed" in said
    code, said = call(venv / "bin" / "paybench", "demo", cwd=project)
    assert code == 0, said
    assert "demo passed" in said
