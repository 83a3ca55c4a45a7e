"""``python -m recbole_ext.patches`` prints the table of patches as the page docs/patches.md."""

from recbole_ext.patches.patch import GROUPS, Patch
from recbole_ext.patches.table import TABLE

ISSUES = "https://github.com/RUCAIBox/RecBole/issues"

HEAD = """# Patches

What `import recbole_ext` changes in RecBole 1.2.0 and 1.2.1 and in libraries, and why.
`recbole-ext doctor` shows which patches are active. To see whether a patch changes your numbers,
switch it off:

    RECBOLE_EXT_DISABLE=speed,cache run_recbole --model=BPR --dataset=ml-100k

The variable takes groups and names of patches, separated by commas. The groups `names`,
`checkpoints` and `output` cannot be switched off: our models and commands need them.

Kinds: *replace*, a short function is replaced whole; *wrap*, our function calls RecBole's;
*edit*, expressions inside a long function are changed; *provide*, a name is added that RecBole
looks for; *stand_in*, RecBole finds a stand-in for a library that it imports and few runs use.
*RecBole's issue* is the number of RecBole's issue or pull request. A row for one release of RecBole
alone names it ([the differences](recbole_1.2.0.md)).

This page is generated: `python -m recbole_ext.patches > docs/patches.md`.
"""


def page() -> str:
    """The page in Markdown."""
    sections = [HEAD]
    for group, purpose in GROUPS.items():
        rows = "\n".join(_row(patch) for patch in TABLE if patch.group == group)
        sections.append(
            f"## {group}\n\n{purpose}\n\n"
            "| name | target | kind | why | RecBole's issue | release |\n"
            "| --- | --- | --- | --- | --- | --- |\n"
            f"{rows}\n"
        )
    return "\n".join(sections)


def _row(patch: Patch) -> str:
    issues = ", ".join(f"[#{number}]({ISSUES}/{number})" for number in patch.upstream)
    release = ", ".join(patch.releases)
    return (
        f"| {patch.name} | `{patch.target}` | {patch.kind} | {patch.why} | {issues} | {release} |"
    )


if __name__ == "__main__":
    print(page(), end="")
