"""Every figure, by area, in the order they are read."""

from portal.handbook.contracts import APPROVALS, CONTRACTS, PAYMENTS
from portal.handbook.house import LIMITS, NOTICES
from portal.handbook.reports import DAILY, MONTHLY, REPORTS, WEEKLY
from portal.handbook.sales import CLASSES, FOLLOW_UPS, LEADS, OPPORTUNITIES, POOL, SHARING

AREAS = (
    LEADS,
    POOL,
    FOLLOW_UPS,
    SHARING,
    CLASSES,
    OPPORTUNITIES,
    CONTRACTS,
    PAYMENTS,
    APPROVALS,
    DAILY,
    WEEKLY,
    MONTHLY,
    REPORTS,
    NOTICES,
    LIMITS,
)
