"""Inputs that do not end yet as they should: the name -> whose part mends it.

Take a name out once it does; the script says which do. None may stay for long.
"""

OPEN: dict[str, str] = {
    "--eval_args={'split': {'RS': [1e-9, 0.5, 0.5]}} (BPR)": "settings",
    "--eval_args={'split': {'RS': [1e-9, 0.5, 0.5]}} (NCFMLP)": "settings",
    "AutoRec --pretrained=saved/BPR.pth": "settings",
}
