"""The verdict on a migration, which every verb and every report shows.

``facts.facts_of`` is the only place that reads the facts from a store, ``judgement.verdict`` the
only one that judges them.
"""
