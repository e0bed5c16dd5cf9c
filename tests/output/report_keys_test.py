"""src/output/README.md explains every key of `simulate --json` and `compare --json`, and none that nothing prints.

usage: report_keys_test.py PPSIM SOURCE_ROOT
"""

import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

PPSIM = Path(sys.argv[1]).absolute()
ROOT = Path(sys.argv[2]).resolve()
CONFIGS = ROOT / "configs"
# Only a replay on GPUs measures these.
ELSEWHERE = {"measured_memory_bytes"}

# Between them these print every key, also those that are left out where they say nothing.
RUNS = [
    ("seed_4x8.json",),
    ("seed_4x8.json", "--set", "/simulation/detail=full"),
    ("seed_4x8.json", "--set", "/parallelism/context=2", "--set", "/cluster/nodes=8"),
    ("inference_2gpu.json",),
    ("reference_8x64.json", "--runs", "2"),
    ("reference_8x64.json", "--schedule", "seq1f1b"),
    ("reference_8x64.json", "--schedule", "pipedream-2bw"),
]
COMPARE = ("seed_4x8.json", "--vary", "/parallelism/tensor=8,7")


def output_of(command, config, *arguments):
    done = subprocess.run([PPSIM, command, CONFIGS / config, *arguments, "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def explained(text, title):
    """The keys of the tables under the heading `title`, by the object that they belong to ("" for the document)."""
    section = re.search(rf"^### {re.escape(title)}\n(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL)[1]
    keys, place = {}, None
    for first in re.findall(r"^\| ([^|]*) \|", section, re.MULTILINE):
        names = re.findall(r"`(\w+)`", first)
        if first.startswith("key"):
            place = names[0] if names else ""
            keys[place] = set()
        else:
            keys[place] |= set(names)
    return keys


def printed(documents, place):
    """Every key of the objects at `place`, each of a list."""
    found = set()
    for document in documents:
        values = document.get(place, {}) if place else document
        for value in values if isinstance(values, list) else [values]:
            found |= value.keys()
    return found


class Keys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = (ROOT / "src" / "output" / "README.md").read_text()
        cls.reports = [output_of("simulate", *run) for run in RUNS]

    def test_the_report_of_simulate(self):
        keys = explained(self.text, "The report of simulate")
        self.assertEqual(set(keys), {"", "per_rank", "runs"})
        self.assertEqual(printed(self.reports, "per_rank"), keys["per_rank"] - ELSEWHERE)
        self.assertEqual(printed(self.reports, "runs"), keys["runs"])
        self.assertEqual(printed(self.reports, ""), keys[""] - {"measured_steps"})  # of `report`

    def test_causes_of_idle_time(self):
        causes = {cause for report in self.reports for rank in report["per_rank"] for cause in rank["idle_by_cause_ns"]}
        section = self.text.split("### Idle by cause\n")[1].split("\n## ")[0]
        self.assertEqual(causes, set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)))))

    def test_the_document_of_compare(self):
        comparison = output_of("compare", *COMPARE)
        keys = explained(self.text, "The document of compare")
        self.assertEqual(printed([comparison], "runs"), keys["runs"])
        head = explained(self.text, "The report of simulate")[""]
        self.assertLessEqual(comparison.keys() - {"runs"}, head)

    def test_schema_versions(self):
        header = (ROOT / "src" / "output" / "schema_versions.hpp").read_text()
        stated = dict(re.findall(r"^\| (report|activity|calibration|fit|measured cluster|validation) \|.*\| (\d+) \|$",
                                 self.text, re.MULTILINE))
        in_code = {re.sub(r"(?<=[a-z])([A-Z])", r" \1", name).lower(): number
                   for name, number in re.findall(r"k(\w+)Schema = (\d+);", header)}
        self.assertEqual(stated, in_code)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
