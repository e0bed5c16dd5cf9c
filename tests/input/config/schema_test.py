#!/usr/bin/env python3
"""The JSON Schemas under configs/schema accept what comes with ppsim and refuse what its reader refuses.

The bad documents are those of tests/input/config/data/bad_configs.json, which the reader's own test reads too.
"""

import copy
import json
import unittest
import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # newer versions have another resolver, Debian 12 has not
    from jsonschema import Draft7Validator, RefResolver

ROOT = Path(__file__).resolve().parents[3]
CONFIGS = ROOT / "configs"
SCHEMAS = {path.resolve().as_uri(): json.loads(path.read_text()) for path in sorted((CONFIGS / "schema").glob("*.json"))}
SECTIONS = ["cluster", "model", "costs", "parallelism", "training", "schedule", "simulation"]
WRITTEN = ["fits.json", "report.json"]  # by scripts/validation: results, which nobody edits
TABLE = json.loads((ROOT / "tests/input/config/data/bad_configs.json").read_text())


def validator(path):
    uri = path.resolve().as_uri()
    # Every schema by its place, so that nothing is fetched.
    return Draft7Validator(SCHEMAS[uri], resolver=RefResolver(uri, SCHEMAS[uri], store=dict(SCHEMAS)))


def errors(document, path):
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator(path).iter_errors(document)]


def set_value(document, pointer, value):
    """Null takes a key away."""
    *way, last = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    for token in way:
        document = document[int(token)] if isinstance(document, list) else document[token]
    if isinstance(document, list):
        document[int(last)] = value
    elif value is None:
        document.pop(last, None)
    else:
        document[last] = value


def document_of(case):
    if "text" in case:
        return json.loads(case["text"])
    document = copy.deepcopy(TABLE["bases"][case["base"]])
    for pointer, value in case["set"].items():
        set_value(document, pointer, value)
    return document


def readme_examples():
    """[(section or "", document)]: the indented blocks of JSON in configs/README.md, under the section's heading."""
    section, block, examples = "", [], []
    for line in [*(CONFIGS / "README.md").read_text().splitlines(), ""]:
        if line.startswith("## "):
            section = line[3:].strip("`") if "`" in line else ""
        if line.startswith("    "):
            block.append(line)
        elif block:
            if block[0].lstrip().startswith("{"):  # else it is a command
                examples.append((section, json.loads("\n".join(block))))
            block = []
    return examples


class Schemas(unittest.TestCase):
    def test_schemas_are_schemas(self):
        for uri, schema in SCHEMAS.items():
            with self.subTest(uri):
                Draft7Validator.check_schema(schema)

    def test_what_comes_with_ppsim_is_valid_by_the_schema_that_it_names(self):
        files = [path for path in sorted(CONFIGS.rglob("*.json")) if path.parent.name != "schema"]
        files = [path for path in files if path.name not in WRITTEN]
        self.assertGreater(len(files), 15)
        for path in files:
            with self.subTest(path.name):
                document = json.loads(path.read_text())
                # A cluster that ppsim fit has written names none.
                schema = document.get("$schema", "../schema/cluster.schema.json" if path.parent.name == "clusters" else None)
                self.assertEqual(errors(document, path.parent / schema), [])

    def test_good_documents_are_valid(self):
        for name, base in TABLE["bases"].items():
            with self.subTest(name):
                self.assertEqual(errors(base, CONFIGS / "schema/config.schema.json"), [])

    def test_the_examples_of_the_readme_are_valid(self):
        examples = readme_examples()
        self.assertEqual({section for section, _ in examples}, {"", *SECTIONS})
        for section, example in examples:
            with self.subTest(section):
                if "columns" in example:
                    self.assertEqual(errors(example, CONFIGS / "schema/validation.schema.json"), [])
                    continue
                document = copy.deepcopy(TABLE["bases"]["costs" if section == "costs" else "model"])
                document = {**document, section: example} if section else example
                self.assertEqual(errors(document, CONFIGS / "schema/config.schema.json"), [])

    def test_what_the_reader_refuses_is_refused_where_a_schema_can_tell(self):
        for case in TABLE["cases"]:
            with self.subTest(case["name"]):
                if case["schema"] == "unasked":
                    continue
                found = errors(document_of(case), CONFIGS / "schema/config.schema.json")
                self.assertEqual("rejects" if found else "accepts", case["schema"], found)

    def test_a_spec_is_refused_where_its_reader_refuses_it(self):
        spec = {"config": TABLE["bases"]["costs"], "columns": {"P": "/parallelism/pipeline"},
                "measured": {"column": "t", "unit": "ms"}}
        parameter = {"/cluster/nvlink/latency": {"least": 1, "most": 9, "unit": "us"}}
        good = [{}, {"columns": {"P": {"values": {"1": {"/a": [1]}, "2": {"skip": "why"}, "*": {}, "3": 4}}}},
                {"computed": {"/a": "[P] * 2", "/b": {"value": "[P]", "unit": "us"}}}, {"measured": [spec["measured"]]},
                {"fit": {"parameters": parameter}}]
        bad = [{"columns": None}, {"config": None}, {"measured": None}, {"colums": {}}, {"columns": {"P": "parallelism"}},
               {"columns": {"P": {}}}, {"columns": {"P": {"too": "/a"}}}, {"columns": {"P": {"values": {"1": {"tensor": 2}}}}},
               {"computed": {"a": "[P]"}}, {"computed": {"/a": {"unit": "us"}}}, {"measured": {"column": "t"}},
               {"measured": {"column": "t", "unit": "h"}}, {"memory": {"column": "m", "unit": "Gb"}},
               {"memory": {"column": "m", "unit": "GB", "of": "second"}}, {"memory": {"column": "m", "unit": "GB", "part": "all"}},
               {"status": {"measured": ["ok"]}}, {"status": {"column": "s", "measured": "ok"}}, {"step": "span"}, {"labels": "P"},
               {"relative_to": {"reference": {}}}, {"fit": {"parameters": {}}},
               {"fit": {"parameters": {"/model/x": {"least": 0, "most": 1}}}},
               {"fit": {"parameters": {"/cluster/x": {"least": "0", "most": 1}}}}]
        for changes in good + bad:
            with self.subTest(changes=changes):
                document = {key: value for key, value in {**spec, **changes}.items() if value is not None}
                found = errors(document, CONFIGS / "schema/validation.schema.json")
                self.assertEqual(bool(found), changes in bad, found)


if __name__ == "__main__":
    unittest.main()
