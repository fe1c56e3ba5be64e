"""Write the page that shows what came out: `reports/index.html`."""

from __future__ import annotations

from llp.errors import exit_cleanly
from llp.params import read_params
from llp.report.page import write_report


def main() -> None:
    report = write_report(read_params(), "reports/index.html")
    chosen = ", ".join(f"{name} {value}" for name, value in report.configuration.items())
    print(f"{report.path}: {chosen}; test accuracy {report.test_accuracy:.4f}")


if __name__ == "__main__":
    exit_cleanly(main)
