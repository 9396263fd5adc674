"""Bytes and traffic: by the papers' formulas, by the plan, and measured."""
