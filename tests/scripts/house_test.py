"""scripts/house.py draws the sources as they are, and src/house.svg is that drawing."""

import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import check_layers  # noqa: E402
import house  # noqa: E402


class House(unittest.TestCase):
    def tree(self, **files):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = Path(folder.name)
        for name, text in {"include/ppsim/ppsim.hpp": "\n", **files}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    def test_the_picture_in_the_tree_is_that_of_the_sources(self):
        self.assertEqual((ROOT / "src" / "house.svg").read_text(), house.drawing(ROOT), "run scripts/house.py")

    def test_every_layer_has_a_place_above_what_it_may_include(self):
        self.assertEqual(house.PLACES.keys(), check_layers.ALLOWED.keys())
        self.assertEqual(house.WHAT.keys(), house.PLACES.keys())
        for layer, allowed in check_layers.ALLOWED.items():
            for below in allowed:
                self.assertGreater(house.PLACES[layer][0], house.PLACES[below][0], f"{layer} above {below}")

    def test_every_room_is_drawn_and_boxes_do_not_overlap(self):
        words = "\n".join(ElementTree.fromstring(house.drawing(ROOT)).itertext())
        for layer, rooms in check_layers.ROOMS.items():
            for room in filter(None, rooms):
                self.assertIn(room.split("/")[-1], words, layer)
        placed = list(house.boxes(ROOT).values())
        for i, one in enumerate(placed):
            for other in placed[:i]:
                apart = one.x1 <= other.x0 or other.x1 <= one.x0 or one.y1 <= other.y0 or other.y1 <= one.y0
                self.assertTrue(apart, (one, other))

    def test_an_include_becomes_an_arrow_unless_others_lead_there(self):
        root = self.tree(**{"src/core/a.hpp": "\n", "src/model/a.cpp": '#include "core/a.hpp"\n',
                            "src/schedule/a.cpp": '#include "core/a.hpp"\n'})
        self.assertEqual(house.arrows(root), [("model", "core"), ("schedule", "core")])
        (root / "src/schedule/a.cpp").write_text('#include "core/a.hpp"\n#include "ppsim/model/b.hpp"\n')
        self.assertEqual(house.arrows(root), [("model", "core"), ("schedule", "model")])

    def test_rooms_and_libraries_are_those_that_sources_have(self):
        root = self.tree(**{"src/explore/fit/a.cpp": "#include <Eigen/Dense>\n", "src/explore/run/a.cpp": "\n",
                            "src/input/import/nccl/a.cpp": "\n", "src/input/import/a.cpp": "\n"})
        self.assertEqual(house.rooms(root, "explore"), ["run", "fit"])
        self.assertEqual(house.rooms(root, "input"), ["import: nccl"])
        self.assertEqual(house.libraries(root, "explore"), ["Eigen"])

    def test_a_way_around_other_boxes_is_found_or_refused(self):
        top, bottom = house.Box(0, 0, 100, 10), house.Box(0, 40, 100, 50)
        self.assertEqual(house.free_lane(top, bottom, []), 50)
        self.assertEqual(house.free_lane(top, bottom, [house.Box(0, 20, 60, 30)]), 80)
        self.assertIsNone(house.free_lane(top, bottom, [house.Box(0, 20, 100, 30)]))


if __name__ == "__main__":
    unittest.main()
