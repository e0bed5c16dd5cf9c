#!/usr/bin/env python3
"""ppsim config: the resolved document of every config that comes with ppsim, pinned; the reference of keys; old places.

usage: config_test.py PPSIM ROOT
"""

import json
import shutil
import subprocess
import sys
import tempfile
import unittest
import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # newer versions have another resolver, Debian 12 has not
    from jsonschema import Draft7Validator, RefResolver

PPSIM, ROOT = (Path(argument).resolve() for argument in sys.argv[1:3])
CONFIGS = ROOT / "configs"
LARGE = {"reference_512x8192.json": ["--micro-batches", "600"]}  # seconds instead of a minute


def ppsim(*arguments):
    return subprocess.run([PPSIM, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, stdin=subprocess.DEVNULL)


def schema_errors(document):
    schemas = {path.resolve().as_uri(): json.loads(path.read_text()) for path in (CONFIGS / "schema").glob("*.json")}
    uri = (CONFIGS / "schema/config.schema.json").resolve().as_uri()
    validator = Draft7Validator(schemas[uri], resolver=RefResolver(uri, schemas[uri], store=schemas))
    return [error.message[:300] for error in validator.iter_errors(document)]


class Config(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ppsim-config-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def pin(self, path):
        done = ppsim("config", "--pin", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_a_pinned_config_runs_the_same_and_pinning_it_again_changes_no_byte(self):
        paths = sorted(CONFIGS.glob("*.json"))
        self.assertGreaterEqual(len(paths), 7)
        for path in paths:
            with self.subTest(path.name):
                pinned = self.folder / path.name
                pinned.write_text(self.pin(path))
                self.assertEqual(self.pin(pinned), pinned.read_text())
                self.assertEqual(schema_errors(json.loads(pinned.read_text())), [])
                reports = [ppsim("simulate", one, "--json", *LARGE.get(path.name, [])) for one in (path, pinned)]
                self.assertEqual([done.returncode for done in reports], [0, 0])
                self.assertEqual(reports[0].stdout, reports[1].stdout)

    def test_an_optional_section_of_a_pinned_config_can_be_given_key_by_key(self):
        pinned = self.folder / "pinned.json"
        pinned.write_text(self.pin(CONFIGS / "seed_4x8.json"))
        change = ["--set", "/cluster/fabric/nodes_per_leaf=2"]
        reports = [ppsim("simulate", path, "--json", *change).stdout for path in (CONFIGS / "seed_4x8.json", pinned)]
        self.assertIn("makespan_ns", reports[0])
        self.assertEqual(reports[0], reports[1])

    def test_what_is_shipped_lives_in_its_newest_place(self):
        for path in sorted((CONFIGS / "clusters").glob("*.json")):
            with self.subTest(path.name):
                done = ppsim("config", CONFIGS / "seed_4x8.json", "--set", f"/cluster={path}", "--json")
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_key_in_its_old_place_is_a_line_on_stderr_and_runs_the_same(self):
        cluster = json.loads((CONFIGS / "clusters/eos.json").read_text())
        software = cluster.pop("software")
        cluster["gpu"].update(software)
        config = json.loads((CONFIGS / "seed_4x8.json").read_text())
        paths = [self.folder / "old.json", self.folder / "new.json"]
        for path, section in zip(paths, [cluster, str(CONFIGS / "clusters/eos.json")]):
            path.write_text(json.dumps({**config, "cluster": section, "model": str(CONFIGS / "models/gpt_80l.json")}))
        old, new = (ppsim("simulate", path, "--json") for path in paths)
        self.assertEqual((old.returncode, old.stdout, new.stderr), (0, new.stdout, ""))
        notes = [f"{paths[0]}#/cluster/gpu/{key}: this key lives at /cluster/software/{key} now" for key in software]
        self.assertEqual(sorted(old.stderr.splitlines()), sorted(notes))

    def test_the_reference_of_keys_needs_no_config(self):
        done = ppsim("config", "--keys", "software")
        self.assertEqual(done.returncode, 0)
        self.assertTrue(done.stdout.startswith("/cluster/software\n"))
        keys = json.loads(ppsim("config", "--keys", "--json").stdout)
        self.assertIn("/cluster/software/step_overhead", [key["pointer"] for key in keys])
        wrong = ppsim("config", "--keys", "softwear")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("there is no section", wrong.stderr)
        self.assertEqual(ppsim("config").returncode, 2)

    def test_the_resolved_document_is_printed_with_every_key_of_the_reference(self):
        keys = {key["pointer"] for key in json.loads(ppsim("config", "--keys", "--json").stdout)}
        shown = json.loads(ppsim("config", CONFIGS / "seed_4x8.json", "--json").stdout)["origins"]
        for pointer in keys:
            inside = any(pointer.startswith(place + "/") for place in shown)  # of a section without a value
            nested = any(place.startswith(pointer + "/") for place in shown)
            only = pointer in ("/model/sequence_length", "/model/dtype", "/simulation/streams", "/simulation/grouped")
            self.assertTrue(pointer in shown or inside or nested or only, pointer)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
