"""The hub under the memory harness: each scenario leaves 100 KiB of internal memory on profile
esp32-s3, is not fragmented at rest, fails no allocation, trips no wire; no request takes 8 KiB."""
import os
import shutil
import sys
import unittest

from hub import NUTHATCH, ROOT

sys.path.insert(0, os.path.join(ROOT, "scripts"))
import run_harness  # noqa: E402

# (scenario, whether the macros are filled to their limits before it)
PLAYS = [("s1", False), ("s2", False), ("s3", False), ("s4", False), ("s4", True), ("s5", False), ("s6", False),
         ("s6", True)]


class Harness(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Pictures and artifacts stay, for whoever wants to see why a gate is shut.
        cls.out = os.path.join(os.path.dirname(NUTHATCH), "harness")
        shutil.rmtree(cls.out, ignore_errors=True)
        os.makedirs(cls.out)
        cls.results = dict(zip(PLAYS, run_harness.play_all(PLAYS, cls.out)))

    def test_every_scenario_passes(self):
        for play, r in self.results.items():
            self.assertEqual((r.code, r.reasons), (0, []), r.output)
            self.assertFalse(r.derived["panic"]["detected"], play)

    def test_internal_memory_is_left(self):
        for play, r in self.results.items():
            self.assertGreaterEqual(r.derived["hin_min"], run_harness.HIN_MIN, play)

    def test_nothing_is_fragmented_at_rest(self):
        for play, r in self.results.items():
            self.assertLess(r.derived["frag_hb_max"], 40, play)

    def test_no_tripwire(self):
        for play, r in self.results.items():
            self.assertFalse(r.derived["tripwire"]["fired"], play)

    def test_no_allocation_failed(self):
        for play, r in self.results.items():
            self.assertEqual(r.failed_allocations, 0, play)

    def test_every_request_was_answered(self):
        for play, r in self.results.items():
            self.assertEqual(r.summary["requests"]["failed"], 0, play)

    def test_no_request_takes_much_internal_memory(self):
        rows = run_harness.peaks(self.results.values())
        self.assertIn("POST /api/macros", [route for _, _, route, _ in rows])
        self.assertEqual([], [row for row in rows if row[0] >= run_harness.REQUEST_MAX])

    def test_nor_do_all_of_a_scenario_together(self):
        for play, r in self.results.items():
            self.assertIsNotNone(r.taken, play)
            self.assertLess(r.taken, run_harness.REQUEST_MAX, play)

    def test_nor_does_any_route(self):
        taken, routes = run_harness.ask_every_route()
        self.assertGreater(len(routes), 50)
        self.assertLess(taken, run_harness.REQUEST_MAX)
        dear = {r["path"]: r["peak_internal_bytes"] for r in routes}
        self.assertLess(max(dear.values()), run_harness.REQUEST_MAX, dear)

    def test_a_limit_can_be_broken(self):
        r = run_harness.play("s1", self.out, more=["--limit", "hin_min=999999999"])
        self.assertEqual(r.code, 1)
        self.assertIn("under 999999999", r.reasons[0])


if __name__ == "__main__":
    unittest.main()
