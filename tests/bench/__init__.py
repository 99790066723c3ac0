"""What recording costs, measured beside the peers in one run: ``make bench``, or ``python -m tests.bench --quick``.

A Django application of its own: its models stand in for the business, one for each way of keeping an audit trail.
"""
