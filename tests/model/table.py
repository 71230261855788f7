#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the models with the code and with docs/verification.md.

table.py TOP: prints a line "ok TEXT" or "not ok TEXT" for each comparison,
and what differs, indented, before it.  Used by tests/model/run."""

import os
import re
import sys

TOP = sys.argv[1]
DOC = "docs/verification.md"
MODELS = ["takeover", "gateways", "witness", "output"]


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def result(text, wrong):
    for line in wrong:
        print("    " + line)
    print(("not ok " if wrong else "ok ") + text)


def word(name):
    """BE_GUEST_STARTED, DTS_ALONE -> guest-started, alone."""
    return re.sub(r"^(BE|DTS)_", "", name).lower().replace("_", "-")


def rules_of_code(text):
    table = text[text.index("binding_rule rules[]"):]
    table = table[:table.index("};")]
    roles = {"O": "owner", "S": "standby"}
    return {(roles[r], word(s), word(e)) for r, s, e in re.findall(
        r"\{\s*([OS]),\s*(DTS_\w+),\s*(BE_\w+),", table)}


def rules_of_model(text):
    return set(re.findall(r"rule: (owner|standby) ([a-z]+) ([a-z-]+)", text))


def rules_of_doc(text):
    return set(re.findall(r"^\| (owner|standby) ([a-z]+) ([a-z-]+) \|", text,
                          re.MULTILINE))


def differences(a, b, what_a, what_b):
    wrong = ["in %s, not in %s: %s" % (what_a, what_b, " ".join(x))
             for x in sorted(a - b)]
    return wrong + ["in %s, not in %s: %s" % (what_b, what_a, " ".join(x))
                    for x in sorted(b - a)]


def functions(text, path_of):
    """Functions that are named as `FILE: NAME()` and not defined there."""
    named = re.findall(r"`([\w./-]+\.[ch]): (\w+)\(\)`", text)
    wrong = [] if named else ["no function is named"]
    for path, name in sorted(set(named)):
        try:
            source = path_of(path)
        except OSError:
            wrong.append("%s: there is no such file" % path)
            continue
        if not re.search(r"^%s\(" % name, source, re.MULTILINE):
            wrong.append("%s does not define %s()" % (path, name))
    return wrong


code = read("remus-hooks/lib/binding.c")
takeover = read("tests/model/takeover.pml")
doc = read(DOC)
models = {m: read("tests/model/%s.pml" % m) for m in MODELS}
script = read("tests/model/run")

rules = rules_of_code(code)
result("binding.c has rules", [] if len(rules) > 20 else
       ["only %d were found" % len(rules)])
result("each rule of binding.c has its step in takeover.pml, and the other "
       "way round",
       differences(rules, rules_of_model(takeover), "binding.c",
                   "takeover.pml"))
result("and its row in " + DOC,
       differences(rules, rules_of_doc(doc), "binding.c", DOC))
result("each function that %s names is in its file" % DOC,
       functions(doc, read))

# Properties and mutants: those of the models are those that are run and told.
wrong = []
for m, text in models.items():
    head = text[:text.index("*/", text.index("Checked"))]
    for p in re.findall(r"^ \*    ([A-Z]{3,})\b", head, re.MULTILINE):
        if not re.search(r"^\| %s \|.*\b%s\b" % (p, m), doc, re.MULTILINE):
            wrong.append("%s.pml: %s is not in the table" % (m, p))
    for p in re.findall(r"MUTANT_(\w+)", text):
        if not re.search(r"^(caught|missed) %s\b" % p, script, re.MULTILINE):
            wrong.append("%s.pml: mutant %s is not run" % (m, p))
for p in re.findall(r"^(?:caught|missed) (\w+)", script, re.MULTILINE):
    if not any("MUTANT_" + p in text for text in models.values()):
        wrong.append("mutant %s is in no model" % p)
result("each property is told, each mutant is run", wrong)

# The comparisons themselves see a difference.
one = "{ O, DTS_STOPPED, BE_GUEST_STARTED,"
result("a rule that is taken from binding.c is missed",
       [] if rules_of_code(code.replace(one, "{", 1)) != rules
       else ["it is not"])
result("a function that is gone is missed",
       [] if functions(doc, lambda path: "") else ["it is not"])
