"""Where things are shown that no declaration can say, and the menu."""

from __future__ import annotations

from flask import Flask, Response, g, make_response, redirect
from flask_appbuilder import AppBuilder, BaseView, IndexView, expose

from portal.screens import (
    approvals,
    audit_log,
    class_thresholds,
    field_desk,
    flows,
    home,
    inbox,
    jobs_page,
    mailbox,
    me,
    packs,
    policy_desk,
    print_desk,
    report_desk,
    report_templates,
    role_api,
    role_desk,
    role_fields,
)
from portal.web.login import LoginView
from portal.web.navigation import menu_entry
from portal.web.preferences import PreferencesView

SCREENS: tuple[type[BaseView], ...] = (
    LoginView,  # sign in, out, forgotten password
    PreferencesView,  # language, theme, density
    inbox.InboxView,  # the bell
    approvals.ApprovalDeskView,  # decisions
    flows.FlowDeskView,  # who decides about what
    report_desk.ReportDeskView,  # write and read reports
    report_templates.TemplateDeskView,  # what reports ask
    print_desk.PrintDeskView,  # how records look on paper
    policy_desk.PolicyDeskView,  # every handbook figure
    class_thresholds.ClassThresholdsView,  # what other class thresholds would propose
    packs.PackView,  # the quarter's meeting pack
    jobs_page.JobsView,  # long work and periodic work
    audit_log.AuditLogView,  # who did what, when, from where
    role_desk.RoleDeskView,  # roles, their rights and reach
    role_fields.RoleFieldsView,  # which fields a role sees, masked or whole, and edits
    role_desk.EyesView,  # look as somebody else, and why somebody sees a record
    field_desk.FieldDeskView,  # where custom fields stand
    mailbox.MailboxView,  # mail caught in development
    me.MeView,  # one's own page, for phones
)

menu_entry("", "工作台 | Home", "smart-home", "/", "home:read")
menu_entry("", "待办 | Approvals", "checklist", "/approvals/", "approval_desk:read")
menu_entry("", "通知 | Notices", "inbox", "/inbox/", "inbox:read")
menu_entry("团队 | Team", "报告台 | Report desk", "clipboard-text", "/report-desk/", "report_desk:read")
menu_entry("团队 | Team", "会议资料 | Meeting pack", "presentation", "/meeting-pack/", packs.PERMISSION)
menu_entry("管理 | Administration", "审批流 | Approval flows", "git-branch", "/flows/", "flow_desk:read")
menu_entry("管理 | Administration", "制度参数 | Policies", "adjustments", "/policies/", policy_desk.READ)
menu_entry("管理 | Administration", "分类试算 | Class dry run", "calculator", "/class-thresholds/", class_thresholds.PERMISSION)
menu_entry("管理 | Administration", "报告模板 | Report templates", "template", "/report-templates/", "report_template:edit")
menu_entry("管理 | Administration", "打印模板 | Print templates", "printer", "/print-templates/", "print_desk:read")
menu_entry("管理 | Administration", "字段 | Fields", "forms", "/fields/", "custom_field:read")
menu_entry("管理 | Administration", "角色 | Roles", "shield-lock", "/roles/", "role_desk:read")
menu_entry("管理 | Administration", "任务 | Jobs", "activity", "/jobs/", "job:read")
menu_entry("管理 | Administration", "操作日志 | Audit log", "history", "/audit-log/", "audit_log:read")


class HomeView(IndexView):  # type: ignore[misc]
    """The home of each user."""

    route_base = ""
    default_view = "index"
    endpoint = "HomeView"

    @expose("/")
    def index(self) -> Response | str:
        if g.signed_in is None:
            return make_response(redirect("/login/"))
        return home.render()


def install(app: Flask, appbuilder: AppBuilder) -> None:
    """Register every special screen."""
    for screen in SCREENS:
        appbuilder.add_view_no_menu(screen)
    appbuilder.add_api(role_api.RoleApi)
