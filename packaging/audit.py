"""Reads pip-audit's JSON from stdin: exit code 1 if anything is known against a package, or it broke.

The argument names the file of what it said on stderr: a network that is not there is told, and no failure.
"""

import json
import re
import sys
from pathlib import Path

# Of pip_audit itself, and of requests and urllib3, whose errors it lets pass.
_NO_NETWORK = re.compile(
    r"Could not connect|not redirecting properly|network may be blocking|Max retries exceeded|Connection ?Error"
    r"|ConnectTimeout|Read ?timed? ?out|NameResolutionError|ProxyError|SSLError|HTTPError|ServiceError",
    re.I,
)

text, said = sys.stdin.read(), Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace")
if not text.strip() and not _NO_NETWORK.search(said):
    print("\n".join(["vulnerabilities: pip-audit gave no answer, and said:", *said.splitlines()[-5:]]))
    sys.exit(1)
told = json.loads(text)["dependencies"] if text.strip() else []
known = [(each["name"], each["version"], bug) for each in told for bug in each.get("vulns", ())]
for name, version, bug in known:
    repaired = ", ".join(bug["fix_versions"]) or "no version"
    print(f"{name} {version}: {bug['id']}, repaired in {repaired}. Take it in with: make lock")
judged = sum("vulns" in each for each in told)
print(f"vulnerabilities: {len(known)} known in {judged} packages", end="")
print("" if judged else ": the database of advisories cannot be reached from here, nothing was checked", end="")
print(f"; {len(told) - judged} that it does not know" if judged < len(told) else "")
sys.exit(1 if known else 0)
