#!/usr/bin/env python3
"""Runs capture-oracle.py step by step (standard library only): ask.py SCRIPT ARGUMENTS...

A topic of the script is one function, and its first step that needs a page we do not have (a sign-in, a ticket) would end it: the rows
behind it would never be asked. Here every statement of a topic stands for itself. One that fails is told with its line, and the next one
goes on; the rows that it would have recorded are missing, and compare.py asks for each of them why.
"""
import ast, sys

COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.Try)
UNTOUCHED = (ast.FunctionDef, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom, ast.Pass, ast.Break, ast.Continue)


def one_by_one(statements):
    return [attempt(statement) for statement in statements]


def attempt(statement):
    if isinstance(statement, UNTOUCHED):
        return statement
    if isinstance(statement, COMPOUND):
        for part in ("body", "orelse", "finalbody"):
            if getattr(statement, part, None):
                setattr(statement, part, one_by_one(getattr(statement, part)))
    failed = ast.parse(f"print(f'  line {statement.lineno}: {{type(problem).__name__}}: {{problem}}'[:200], flush=True)").body
    handler = ast.ExceptHandler(type=ast.Name("Exception", ast.Load()), name="problem", body=failed)
    return ast.Try(body=[statement], handlers=[handler], orelse=[], finalbody=[])


def main():
    script = sys.argv[1]
    tree = ast.parse(open(script, encoding="utf-8").read(), script)
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and any(isinstance(mark, ast.Name) and mark.id == "topic" for mark in function.decorator_list):
            about, steps = function.body[:1], function.body[1:]
            if not isinstance(about[0], ast.Expr):
                about, steps = [], function.body
            function.body = about + one_by_one(steps)
    sys.argv = sys.argv[1:]
    exec(compile(ast.fix_missing_locations(tree), script, "exec"), {"__name__": "__main__", "__file__": script})


main()
