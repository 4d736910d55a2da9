"""Who may see and do what: principal, scopes, the gate on the session, field rights, shipped roles."""
