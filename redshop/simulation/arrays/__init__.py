"""The population in memory: the behaviour and the ranking of the live world, for a million people.

Every random number is a hash of what it is for (``draws``), so that two arms of a scenario differ
by what their policies change and by nothing else.
"""
