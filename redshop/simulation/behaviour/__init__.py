"""How simulated people behave: pure functions on arrays, uniforms in, decisions out.

Every function says its formula and where it comes from. Where no public number exists the
constant is *assumed* (kind as in ``calibration.toml``): to be swept, never to be quoted.
"""
