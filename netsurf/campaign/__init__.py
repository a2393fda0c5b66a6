"""Campaigns: a spec becomes trials, trials become rows in a store, rows become numbers with intervals."""
