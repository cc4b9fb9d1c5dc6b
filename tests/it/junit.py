"""Reads a JUnit file with the parser of Python's library, checks its structure, and prints it as JSON.

The rules are those of junit-10.xsd (Jenkins' xunit plugin), with the numbers and names that CI systems rely on.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

ALLOWED = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time"},
        {"properties", "testcase", "system-out"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": ({"name", "classname", "time"}, {"skipped", "error", "failure", "system-out"}),
    "skipped": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "failure": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}


def check(element):
    attributes, children = ALLOWED[element.tag]
    assert set(element.attrib) <= attributes, (element.tag, element.attrib)
    assert {child.tag for child in element} <= children, element.tag
    if "time" in element.attrib:
        assert re.fullmatch(r"[0-9]+\.[0-9]{3}", element.get("time")), element.get("time")
    if element.tag in ("skipped", "error", "failure"):
        assert (element.text or "").startswith(element.get("message")), "the text must stand alone"
    if element.tag in ("testsuites", "testsuite"):
        count = lambda name: str(len(element.findall(".//" + name)))
        for attribute, name in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert element.get(attribute) == count(name), (element.tag, attribute)
    for child in element:
        check(child)


root = ElementTree.parse(sys.argv[1]).getroot()
assert root.tag == "testsuites", root.tag
check(root)
cases = root.findall(".//testcase")
names = [(case.get("classname"), case.get("name")) for case in cases]
assert len(names) == len(set(names)), "a repeated name is ignored by CI systems"


def shown(case):
    outcome = next((child for child in case if child.tag != "system-out"), None)
    return {
        "classname": case.get("classname"),
        "name": case.get("name"),
        "outcome": "passed" if outcome is None else outcome.tag,
        "type": None if outcome is None else outcome.get("type"),
        "message": None if outcome is None else outcome.get("message"),
        "text": None if outcome is None else outcome.text,
        "out": case.findtext("system-out"),
    }


print(json.dumps({
    "name": root.get("name"),
    "suites": [suite.get("name") for suite in root],
    "properties": {p.get("name"): p.get("value") for p in root[0].iter("property")},
    "cases": [shown(case) for case in cases],
    "out": root[-1].findtext("system-out"),
}))
