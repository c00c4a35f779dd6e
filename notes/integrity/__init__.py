"""Whether content may be shown: rules as data, cases, decisions with reasons, appeals."""
