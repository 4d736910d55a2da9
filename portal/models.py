"""The table of contents of the data model: every entity, in reading order, with what it is."""

from portal.engine.tables import (
    AccessVersion,  # moves when anybody's rights may have changed
    AssignBatch,  # one bulk assignment and its undo
    Attachment,  # a file of a record
    AuditEvent,  # one changed record, old → new
    ClaimLedger,  # claims against the daily quota
    IdempotencyKey,  # answers of verbs called with a key
    ImportMapping,  # how a kind of file becomes records
    JobRun,  # work to be done once
    LoginSession,  # a signed-in browser or token
    Notification,  # a notice in the inbox
    Outbox,  # a mail to be sent after commit
    RoleDuty,  # what a role stands for
    RoleScope,  # what a role reads and writes of an entity
    SignInLimit,  # failed sign-ins of an account or address
    Tenure,  # whose a record was, and since when
)
from portal.entities.activity import FollowUp  # one contact, what was said, what comes next
from portal.entities.approvals import (
    Approval,  # something asked for, on its way through the steps
    ApprovalAction,  # what somebody did with it
    ApprovalFlow,  # who decides about a verb, by version
    ApprovalTask,  # one person's decision that is waited for
)
from portal.entities.contracts import (
    Contract,  # what was agreed with a customer
    ContractLine,  # what is sold in it
    PaymentPlan,  # one part of its amount, and when it is due
)
from portal.entities.custom import CustomField  # a field that an admin added
from portal.entities.customers import (
    Contact,  # a person at a customer, and his part in the decision
    Customer,  # a company we sell to
)
from portal.entities.deals import (
    Opportunity,  # something a customer may buy
    Pipeline,  # the way a kind of deal goes
    Product,  # what is sold
    Stage,  # a step of that way
    StageChange,  # a deal went from one stage to another
)
from portal.entities.leads import (
    Lead,  # somebody who may buy
    Pool,  # leads that are nobody's, and the rules for taking them
    SourceChannel,  # where leads come from
    Tag,  # a word to group records by
)
from portal.entities.organisation import (
    Delegation,  # who decides in somebody's place, from day to day
    Leave,  # days a person is away
    Policy,  # a handbook figure from a day on
    Team,  # people under a leader
    WorkCalendar,  # days that differ from the published calendar
)
from portal.entities.organisation import PortalUser as User  # somebody who signs in or owns records
from portal.entities.payments import (
    Allocation,  # which part of a payment plan a receipt has paid
    Receipt,  # money that came in for a contract
)
from portal.entities.printing import PrintTemplate  # how records of one type look on paper, by version
from portal.entities.reports import (
    ReportTemplate,  # the questions of a report
    WorkReport,  # one person's duty for one period
)
from portal.entities.reviews import ClassReview  # the class that purchases say a customer is of, by quarter
from portal.entities.sharing import Participant  # a colleague let into one record, until a day

__all__ = [
    "AccessVersion",
    "Allocation",
    "Approval",
    "ApprovalAction",
    "ApprovalFlow",
    "ApprovalTask",
    "AssignBatch",
    "Attachment",
    "AuditEvent",
    "ClaimLedger",
    "ClassReview",
    "Contact",
    "Contract",
    "ContractLine",
    "CustomField",
    "Customer",
    "Delegation",
    "FollowUp",
    "IdempotencyKey",
    "ImportMapping",
    "JobRun",
    "Lead",
    "Leave",
    "LoginSession",
    "Notification",
    "Opportunity",
    "Outbox",
    "Participant",
    "PaymentPlan",
    "Pipeline",
    "Policy",
    "Pool",
    "PrintTemplate",
    "Product",
    "Receipt",
    "ReportTemplate",
    "RoleDuty",
    "RoleScope",
    "SignInLimit",
    "SourceChannel",
    "Stage",
    "StageChange",
    "Tag",
    "Team",
    "Tenure",
    "User",
    "WorkCalendar",
    "WorkReport",
]
