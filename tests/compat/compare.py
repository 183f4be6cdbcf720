#!/usr/bin/env python3
"""Compares two captures of capture-oracle.py, topic by topic, and judges the differences by allowed.toml (standard library only).

  compare.py topics ORACLE                       the topics that `make compat` runs, one a line
  compare.py of-script TOPIC,TOPIC SCRIPT        those of the topics that SCRIPT captures
  compare.py compare KEYCLOAK OURS TOPIC,TOPIC   exit 1 when something differs that is not allowed, or is allowed and does not differ
"""
import fnmatch, json, os, re, sys, tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
# Capabilities of tests/fixtures/live/index.toml whose absence excuses a row here as it does there. "administration" and "complete" do not.
EXCUSED = {"browser", "device", "uma", "console", "account", "brokering", "modern", "dpop", "ciba", "jwt-grant", "absent"}
# Asked for what they leave behind (the topic events tells of it); every answer is a page or leads to one, and is not judged.
BROWSER_TOPICS = {"authorize", "pages"}
MORE = {"brokering", "ldap", "modern"}  # captured by capture-oracle-more.py
NOT_JUDGED = {"name", "request", "note"}
REASON = re.compile(r"(browser sign-in|unstable|class \d+|absent|5xx)(: .+)?")


def documented_reasons():
    """(reason, beginning of the "what") of every row in the tables of docs/compatibility.md that explain a difference."""
    rows, section = [], ""
    for line in open(os.path.join(HERE, "../../docs/compatibility.md"), encoding="utf-8"):
        if line.startswith("## "):
            section = line[3:].strip()
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("|") else []
        if section.startswith("What differs") and len(cells) >= 4:
            rows.append((cells[3].strip("| "), cells[0]))
        elif section.startswith("Absent") and cells:
            rows.append(("absent", cells[0]))
    return rows


def live_index():
    """(topic, row) -> why, of the rows that the replay in tests/live does not expect to be as recorded."""
    with open(os.path.join(HERE, "../fixtures/live/index.toml"), "rb") as file:
        document = tomllib.load(file)
    deviations = document.pop("deviation")
    document.pop("error-cases")
    rows = {(topic, row): why for topic, entries in document.items() for row, why in entries.items() if why.split(":")[0] in EXCUSED}
    rows.update({(topic, row): rule["why"] for topic, entries in deviations.items() for row, rule in entries.items()})
    return rows


class Allowed:
    """What may differ: what tests/live allows, and the allow-list. Per topic: a row's name (with `*` for any text) and why.

    "ROW" = "REASON: TEXT"                                        the whole row
    "ROW" = { why = "REASON: TEXT", only = ["/body/error"] }      only what stands under these paths
    "ROW" = { why = "REASON: TEXT", less = ["/body"] }            only what is missing here, or off, under these paths
    """

    def __init__(self):
        self.topics, self.used, self.problems, self.index = {}, set(), [], live_index()
        documented = documented_reasons()
        with open(os.path.join(HERE, "allowed.toml"), "rb") as file:
            document = tomllib.load(file)
        for topic, rows in document.items():
            for name, entry in rows.items():
                entry = entry if isinstance(entry, dict) else {"why": entry}
                why = entry["why"]
                only = entry.get("only", [] if "less" in entry else [""])
                match = REASON.fullmatch(why)
                kind, text = (match.group(1), (match.group(2) or "")[2:]) if match else (None, "")
                if kind is None:
                    self.problems.append(f"allowed.toml: {topic}: {name}: {why!r} is no allowed reason")
                elif kind not in ("browser sign-in", "unstable") and not any(kind == k and what.startswith(text) and text for k, what in documented):
                    self.problems.append(f"allowed.toml: {topic}: {name}: docs/compatibility.md has no row {text!r} with the reason {kind}")
                self.topics.setdefault(topic, []).append((name, why, only, entry.get("less", [])))

    def why(self, topic, name, path, there, here):
        """The reason why a row may have `here` at `path`, where Keycloak has `there`; None when it has none."""
        if (topic, name) in self.index:
            return self.index[topic, name]
        for pattern, why, only, less in self.topics.get(topic, []):
            if pattern != name and not fnmatch.fnmatchcase(name, pattern.replace("[", "[[]")):
                continue
            if stands_under(path, only) or (stands_under(path, less) and is_less(there, here)):
                self.used.add((topic, pattern))
                return why
        return None

    def stale(self, topic):
        return [(name, why) for name, why, _, _ in self.topics.get(topic, []) if (topic, name) not in self.used and not why.startswith("unstable")]


def stands_under(path, places):
    return any(path == place or path.startswith(place + "/") or place == "" for place in places)


def is_less(there, here):
    """Of a difference as `differences` tells it: nothing is here that is not there."""
    return here == "(absent)" or (there is True and here is False) or (isinstance(here, dict) and here.get("only here") == [])


def judged_part(row):
    return {key: settled(value) for key, value in row.items() if key not in NOT_JUDGED}


def settled(value, key=None):
    """The script sorts lists that are sets; one of them it began to sort after Keycloak's answers had been recorded."""
    if isinstance(value, dict):
        return {k: settled(v, k) for k, v in value.items()}
    return sorted(value) if key == "aud_x" and isinstance(value, list) else value


def differences(a, b, path=""):
    """(path, Keycloak's value, ours) of every leaf that differs; the order of the keys of an object counts as the scripts left it."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in list(a) + [k for k in b if k not in a]:
            at = f"{path}/{key}"
            if key not in b:
                yield at, a[key], "(absent)"
            elif key not in a:
                yield at, "(absent)", b[key]
            else:
                yield from differences(a[key], b[key], at)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, (x, y) in enumerate(zip(a, b)):
            yield from differences(x, y, f"{path}/{index}")
    elif isinstance(a, list) and isinstance(b, list):
        texts = [[json.dumps(x, sort_keys=True, ensure_ascii=False) for x in side] for side in (a, b)]
        missing, extra = [[json.loads(x) for x in texts[i] if x not in texts[1 - i]] for i in (0, 1)]
        yield path, {"length": len(a), "only there": missing}, {"length": len(b), "only here": extra}
    elif type(a) is not type(b) or a != b:
        yield path, a, b


def short(value):
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) or not value.startswith("(") else value
    return text if len(text) <= 300 else text[:297] + "..."


def compare(keycloak, ours, topics):
    allowed, failed = Allowed(), False
    for problem in allowed.problems:
        print(problem)
        failed = True
    for topic in topics:
        files = [os.path.join(side, topic + ".json") for side in (keycloak, ours)]
        if not os.path.exists(files[1]):
            print(f"{topic}: not captured")
            failed = True
            continue
        there, here = (json.load(open(file, encoding="utf-8")) for file in files)
        rows = {row["name"]: row for row in here["answers"]}
        pairs = [(row["name"], row, rows.get(row["name"])) for row in there["answers"]]
        if topic == "fresh-realm":
            pairs.append(("serverinfo", *(({"body": json.load(open(os.path.join(side, "serverinfo.json"), encoding="utf-8"))["serverinfo"]}) if os.path.exists(os.path.join(side, "serverinfo.json")) else None for side in (keycloak, ours))))
        if topic in BROWSER_TOPICS:
            print(f"{topic}: {len(pairs)} answers, asked and not judged: pages and what leads to them")
            continue
        stopped = here.get("aborted")
        differ, permitted, unasked, lines = 0, 0, 0, []
        for name, a, b in pairs:
            found = [("", "answered", "(never asked)")] if b is None else list(differences(judged_part(a), judged_part(b)))
            judged = [(path, x, y, allowed.why(topic, name, path, x, y)) for path, x, y in found]
            wrong = [(path, x, y) for path, x, y, why in judged if why is None]
            if wrong:
                differ += 1
                lines.append(f"  {name}")
                lines += [f"    {path or 'row'}\n      Keycloak {short(x)}\n      here     {short(y)}" for path, x, y in wrong[:12]]
                if len(wrong) > 12:
                    lines.append(f"    and {len(wrong) - 12} more")
            elif judged:
                permitted += 1
                unasked += b is None
        stale = [] if stopped else allowed.stale(topic)
        not_asked = f" ({unasked} of them not asked)" if unasked else ""
        print(f"{topic}: {len(pairs)} answers, {differ} differ, {permitted} differ as allowed{not_asked}{f', STOPPED EARLY: {stopped}' if stopped else ''}")
        print("\n".join(lines), end="\n" if lines else "")
        for name, why in stale:
            print(f"  {name}: does not differ any more; remove it from allowed.toml ({why})")
        failed = failed or bool(differ or stopped or stale)
    return failed


def main():
    if sys.argv[1] == "topics":
        live = os.path.join(sys.argv[2], "reference/keycloak-live")
        script = open(os.path.join(sys.argv[2], "tools/capture-oracle.py"), encoding="utf-8").read()
        # In the order of the script: later topics (events, numbers) look at what the earlier ones did.
        names = [name.replace("_", "-") for name in re.findall(r"^def t_(\w+)\(", script, re.M)]
        print("\n".join(name for name in names if os.path.exists(os.path.join(live, name + ".json"))))
    elif sys.argv[1] == "of-script":
        print(",".join(name for name in sys.argv[2].split(",") if (name in MORE) == (sys.argv[3] == "capture-oracle-more")))
    else:
        sys.exit(1 if compare(sys.argv[2], sys.argv[3], sys.argv[4].split(",")) else 0)


main()
