"""Contains all the data models used in inputs/outputs"""

from .alert import Alert
from .approval_link import ApprovalLink
from .approval_view import ApprovalView
from .approval_view_source import ApprovalViewSource
from .approval_view_state import ApprovalViewState
from .audit_chain_head import AuditChainHead
from .audit_evidence import AuditEvidence
from .audit_evidence_effect import AuditEvidenceEffect
from .audit_evidence_effect_outcome import AuditEvidenceEffectOutcome
from .audit_evidence_fact import AuditEvidenceFact
from .audit_evidence_run import AuditEvidenceRun
from .audit_finding import AuditFinding
from .audit_head import AuditHead
from .audit_proof import AuditProof
from .audit_record import AuditRecord
from .audit_report import AuditReport
from .audit_step import AuditStep
from .backup import Backup
from .backup_counts import BackupCounts
from .backup_state import BackupState
from .batch import Batch
from .batch_action import BatchAction
from .batch_failed import BatchFailed
from .batch_filter import BatchFilter
from .batch_filter_compensation import BatchFilterCompensation
from .batch_filter_labels import BatchFilterLabels
from .batch_filter_state import BatchFilterState
from .batch_result import BatchResult
from .bundle_list import BundleList
from .bundle_view import BundleView
from .bundle_view_state import BundleViewState
from .cancel import Cancel
from .comment import Comment
from .config_source import ConfigSource
from .counts_view import CountsView
from .coverage import Coverage
from .coverage_change import CoverageChange
from .create_bundle_if_none_match import CreateBundleIfNoneMatch
from .create_bundle_json_body import CreateBundleJsonBody
from .create_bundle_json_body_rules_item import CreateBundleJsonBodyRulesItem
from .create_workflow_json_body import CreateWorkflowJsonBody
from .create_workflow_run import CreateWorkflowRun
from .credential_create import CredentialCreate
from .credential_made import CredentialMade
from .credential_made_state import CredentialMadeState
from .credential_view import CredentialView
from .credential_view_state import CredentialViewState
from .dead_decision import DeadDecision
from .dead_filter import DeadFilter
from .dead_group import DeadGroup
from .dead_groups import DeadGroups
from .dead_letter import DeadLetter
from .dead_letter_ended import DeadLetterEnded
from .dead_letter_kind import DeadLetterKind
from .dead_letter_labels import DeadLetterLabels
from .dead_letter_state import DeadLetterState
from .dead_purge import DeadPurge
from .dead_redrive import DeadRedrive
from .dead_refusal import DeadRefusal
from .dead_retried import DeadRetried
from .dead_retried_ended import DeadRetriedEnded
from .dead_retried_kind import DeadRetriedKind
from .dead_retried_labels import DeadRetriedLabels
from .dead_retried_state import DeadRetriedState
from .decision_view import DecisionView
from .delegate_approval import DelegateApproval
from .delegation_view import DelegationView
from .deleted_job import DeletedJob
from .deliveries import Deliveries
from .delivery import Delivery
from .delivery_channel import DeliveryChannel
from .delivery_state import DeliveryState
from .drain import Drain
from .drain_of import DrainOf
from .dry_run import DryRun
from .dry_run_definition import DryRunDefinition
from .dry_run_definition_labels import DryRunDefinitionLabels
from .dry_run_labels import DryRunLabels
from .edge import Edge
from .edge_changes import EdgeChanges
from .edit_approval import EditApproval
from .effect_change import EffectChange
from .effect_counts import EffectCounts
from .effect_view import EffectView
from .effect_view_effect import EffectViewEffect
from .effect_view_state import EffectViewState
from .effects import Effects
from .error_view import ErrorView
from .evaluate_policy_response_200 import EvaluatePolicyResponse200
from .evaluate_policy_response_200_approvals_item import (
    EvaluatePolicyResponse200ApprovalsItem,
)
from .evaluate_policy_response_200_constraints_item import (
    EvaluatePolicyResponse200ConstraintsItem,
)
from .evaluate_policy_response_200_failures_item import (
    EvaluatePolicyResponse200FailuresItem,
)
from .evaluate_policy_response_200_verdict import EvaluatePolicyResponse200Verdict
from .event import Event
from .event_data import EventData
from .explain_policy_response_200 import ExplainPolicyResponse200
from .explain_policy_response_200_changes_item import (
    ExplainPolicyResponse200ChangesItem,
)
from .explain_policy_response_200_constraints_item import (
    ExplainPolicyResponse200ConstraintsItem,
)
from .explain_policy_response_200_decision import ExplainPolicyResponse200Decision
from .explain_policy_response_200_decision_approvals_item import (
    ExplainPolicyResponse200DecisionApprovalsItem,
)
from .explain_policy_response_200_decision_constraints_item import (
    ExplainPolicyResponse200DecisionConstraintsItem,
)
from .explain_policy_response_200_decision_failures_item import (
    ExplainPolicyResponse200DecisionFailuresItem,
)
from .explain_policy_response_200_decision_verdict import (
    ExplainPolicyResponse200DecisionVerdict,
)
from .explain_policy_response_200_rules_item import ExplainPolicyResponse200RulesItem
from .explanation import Explanation
from .field_change import FieldChange
from .finding import Finding
from .fleet_config import FleetConfig
from .fleet_config_name import FleetConfigName
from .fork_run import ForkRun
from .fork_run_outputs import ForkRunOutputs
from .forked import Forked
from .get_workflow_graph_format import GetWorkflowGraphFormat
from .graph_edge import GraphEdge
from .graph_node import GraphNode
from .graph_view import GraphView
from .group import Group
from .health import Health
from .health_status import HealthStatus
from .held_view import HeldView
from .hold import Hold
from .hold_scope import HoldScope
from .hold_set import HoldSet
from .hold_set_scope import HoldSetScope
from .job_accepted import JobAccepted
from .job_accepted_state import JobAcceptedState
from .job_submit import JobSubmit
from .job_submit_labels import JobSubmitLabels
from .job_submit_priority import JobSubmitPriority
from .job_view import JobView
from .job_view_state import JobViewState
from .key_create import KeyCreate
from .key_created import KeyCreated
from .key_created_state import KeyCreatedState
from .key_view import KeyView
from .key_view_state import KeyViewState
from .legal_hold import LegalHold
from .legal_hold_set import LegalHoldSet
from .lifted_drain import LiftedDrain
from .lifted_hold import LiftedHold
from .link_approval import LinkApproval
from .lint_report import LintReport
from .lint_workflow_json_body import LintWorkflowJsonBody
from .list_approvals_state import ListApprovalsState
from .list_audit_order import ListAuditOrder
from .list_dead_letter_groups_state import ListDeadLetterGroupsState
from .list_dead_letters_state import ListDeadLettersState
from .list_jobs_state import ListJobsState
from .list_runs_kind import ListRunsKind
from .list_runs_state import ListRunsState
from .lock_acquire import LockAcquire
from .lock_acquire_mode import LockAcquireMode
from .lock_holder import LockHolder
from .lock_holder_kind import LockHolderKind
from .lock_holder_mode import LockHolderMode
from .lock_release import LockRelease
from .lock_renew import LockRenew
from .lock_view import LockView
from .lock_view_mode import LockViewMode
from .lock_view_state import LockViewState
from .log_line import LogLine
from .log_line_stream import LogLineStream
from .log_lines import LogLines
from .need_view import NeedView
from .open_events_logs import OpenEventsLogs
from .page_approval_view import PageApprovalView
from .page_backup import PageBackup
from .page_credential_view import PageCredentialView
from .page_dead_letter import PageDeadLetter
from .page_decision_view import PageDecisionView
from .page_drain import PageDrain
from .page_head import PageHead
from .page_held_view import PageHeldView
from .page_hold import PageHold
from .page_job_view import PageJobView
from .page_key_view import PageKeyView
from .page_legal_hold import PageLegalHold
from .page_lock_view import PageLockView
from .page_policy_version import PagePolicyVersion
from .page_pool_view import PagePoolView
from .page_record import PageRecord
from .page_redrive import PageRedrive
from .page_run_header import PageRunHeader
from .page_schema_view import PageSchemaView
from .page_step_view import PageStepView
from .page_topic_view import PageTopicView
from .page_workflow_version import PageWorkflowVersion
from .parent_view import ParentView
from .part import Part
from .placement_view import PlacementView
from .placement_view_reason import PlacementViewReason
from .plan import Plan
from .plan_approval import PlanApproval
from .plan_child import PlanChild
from .plan_condition import PlanCondition
from .plan_constraint import PlanConstraint
from .plan_failure import PlanFailure
from .plan_fan_out import PlanFanOut
from .plan_job import PlanJob
from .plan_left import PlanLeft
from .plan_reach import PlanReach
from .plan_reason import PlanReason
from .plan_ruling import PlanRuling
from .plan_step import PlanStep
from .plan_step_timeouts import PlanStepTimeouts
from .plan_undo import PlanUndo
from .plan_undo_step import PlanUndoStep
from .policy_active import PolicyActive
from .policy_mcp import PolicyMCP
from .policy_publish import PolicyPublish
from .policy_published import PolicyPublished
from .policy_replay import PolicyReplay
from .policy_request import PolicyRequest
from .policy_request_derived_tags import PolicyRequestDerivedTags
from .policy_request_source import PolicyRequestSource
from .policy_request_tags import PolicyRequestTags
from .policy_rollback import PolicyRollback
from .policy_shadow import PolicyShadow
from .policy_shadow_results import PolicyShadowResults
from .policy_simulate import PolicySimulate
from .policy_simulation import PolicySimulation
from .policy_snapshot import PolicySnapshot
from .policy_version import PolicyVersion
from .pool_view import PoolView
from .problem import Problem
from .problem_item import ProblemItem
from .problem_item_severity import ProblemItemSeverity
from .progress_view import ProgressView
from .purged import Purged
from .put_bundle_if_none_match import PutBundleIfNoneMatch
from .put_bundle_json_body import PutBundleJsonBody
from .put_bundle_json_body_rules_item import PutBundleJsonBodyRulesItem
from .put_pools_config_if_none_match import PutPoolsConfigIfNoneMatch
from .put_pools_config_json_body import PutPoolsConfigJsonBody
from .put_schema_json_body import PutSchemaJsonBody
from .put_timeouts_config_if_none_match import PutTimeoutsConfigIfNoneMatch
from .put_timeouts_config_json_body import PutTimeoutsConfigJsonBody
from .reason import Reason
from .redrive import Redrive
from .redrive_reasons import RedriveReasons
from .redrive_state import RedriveState
from .report import Report
from .retention_part import RetentionPart
from .retention_part_kind import RetentionPartKind
from .retention_part_why import RetentionPartWhy
from .retention_plan import RetentionPlan
from .retention_rule import RetentionRule
from .retention_rule_kind import RetentionRuleKind
from .rollback import Rollback
from .rollback_run import RollbackRun
from .rollback_run_then import RollbackRunThen
from .run_change import RunChange
from .run_header import RunHeader
from .run_start import RunStart
from .run_start_labels import RunStartLabels
from .run_view import RunView
from .run_view_compensation import RunViewCompensation
from .run_view_kind import RunViewKind
from .run_view_labels import RunViewLabels
from .run_view_state import RunViewState
from .schema_create import SchemaCreate
from .schema_version import SchemaVersion
from .schema_view import SchemaView
from .shadow_info import ShadowInfo
from .signal import Signal
from .simulated_request import SimulatedRequest
from .simulated_request_derived_tags import SimulatedRequestDerivedTags
from .simulated_request_source import SimulatedRequestSource
from .simulated_request_tags import SimulatedRequestTags
from .simulated_verdict import SimulatedVerdict
from .simulated_verdict_decision import SimulatedVerdictDecision
from .simulated_verdict_decision_approvals_item import (
    SimulatedVerdictDecisionApprovalsItem,
)
from .simulated_verdict_decision_constraints_item import (
    SimulatedVerdictDecisionConstraintsItem,
)
from .simulated_verdict_decision_failures_item import (
    SimulatedVerdictDecisionFailuresItem,
)
from .simulated_verdict_decision_verdict import SimulatedVerdictDecisionVerdict
from .simulated_workflow import SimulatedWorkflow
from .simulated_workflow_labels import SimulatedWorkflowLabels
from .started import Started
from .status import Status
from .status_mode import StatusMode
from .step_change import StepChange
from .step_summary import StepSummary
from .step_view import StepView
from .text import Text
from .timeline import Timeline
from .topic_create import TopicCreate
from .topic_put import TopicPut
from .topic_view import TopicView
from .verdict import Verdict
from .verdict_decision import VerdictDecision
from .vote_view import VoteView
from .worker_view import WorkerView
from .worker_view_labels import WorkerViewLabels
from .worker_view_state import WorkerViewState
from .workers import Workers
from .workflow_created import WorkflowCreated
from .workflow_diff import WorkflowDiff
from .workflow_run import WorkflowRun
from .workflow_run_labels import WorkflowRunLabels
from .workflow_run_step import WorkflowRunStep
from .workflow_run_steps import WorkflowRunSteps
from .workflow_version import WorkflowVersion

__all__ = (
    "Alert",
    "ApprovalLink",
    "ApprovalView",
    "ApprovalViewSource",
    "ApprovalViewState",
    "AuditChainHead",
    "AuditEvidence",
    "AuditEvidenceEffect",
    "AuditEvidenceEffectOutcome",
    "AuditEvidenceFact",
    "AuditEvidenceRun",
    "AuditFinding",
    "AuditHead",
    "AuditProof",
    "AuditRecord",
    "AuditReport",
    "AuditStep",
    "Backup",
    "BackupCounts",
    "BackupState",
    "Batch",
    "BatchAction",
    "BatchFailed",
    "BatchFilter",
    "BatchFilterCompensation",
    "BatchFilterLabels",
    "BatchFilterState",
    "BatchResult",
    "BundleList",
    "BundleView",
    "BundleViewState",
    "Cancel",
    "Comment",
    "ConfigSource",
    "CountsView",
    "Coverage",
    "CoverageChange",
    "CreateBundleIfNoneMatch",
    "CreateBundleJsonBody",
    "CreateBundleJsonBodyRulesItem",
    "CreateWorkflowJsonBody",
    "CreateWorkflowRun",
    "CredentialCreate",
    "CredentialMade",
    "CredentialMadeState",
    "CredentialView",
    "CredentialViewState",
    "DeadDecision",
    "DeadFilter",
    "DeadGroup",
    "DeadGroups",
    "DeadLetter",
    "DeadLetterEnded",
    "DeadLetterKind",
    "DeadLetterLabels",
    "DeadLetterState",
    "DeadPurge",
    "DeadRedrive",
    "DeadRefusal",
    "DeadRetried",
    "DeadRetriedEnded",
    "DeadRetriedKind",
    "DeadRetriedLabels",
    "DeadRetriedState",
    "DecisionView",
    "DelegateApproval",
    "DelegationView",
    "DeletedJob",
    "Deliveries",
    "Delivery",
    "DeliveryChannel",
    "DeliveryState",
    "Drain",
    "DrainOf",
    "DryRun",
    "DryRunDefinition",
    "DryRunDefinitionLabels",
    "DryRunLabels",
    "Edge",
    "EdgeChanges",
    "EditApproval",
    "EffectChange",
    "EffectCounts",
    "EffectView",
    "EffectViewEffect",
    "EffectViewState",
    "Effects",
    "ErrorView",
    "EvaluatePolicyResponse200",
    "EvaluatePolicyResponse200ApprovalsItem",
    "EvaluatePolicyResponse200ConstraintsItem",
    "EvaluatePolicyResponse200FailuresItem",
    "EvaluatePolicyResponse200Verdict",
    "Event",
    "EventData",
    "ExplainPolicyResponse200",
    "ExplainPolicyResponse200ChangesItem",
    "ExplainPolicyResponse200ConstraintsItem",
    "ExplainPolicyResponse200Decision",
    "ExplainPolicyResponse200DecisionApprovalsItem",
    "ExplainPolicyResponse200DecisionConstraintsItem",
    "ExplainPolicyResponse200DecisionFailuresItem",
    "ExplainPolicyResponse200DecisionVerdict",
    "ExplainPolicyResponse200RulesItem",
    "Explanation",
    "FieldChange",
    "Finding",
    "FleetConfig",
    "FleetConfigName",
    "ForkRun",
    "ForkRunOutputs",
    "Forked",
    "GetWorkflowGraphFormat",
    "GraphEdge",
    "GraphNode",
    "GraphView",
    "Group",
    "Health",
    "HealthStatus",
    "HeldView",
    "Hold",
    "HoldScope",
    "HoldSet",
    "HoldSetScope",
    "JobAccepted",
    "JobAcceptedState",
    "JobSubmit",
    "JobSubmitLabels",
    "JobSubmitPriority",
    "JobView",
    "JobViewState",
    "KeyCreate",
    "KeyCreated",
    "KeyCreatedState",
    "KeyView",
    "KeyViewState",
    "LegalHold",
    "LegalHoldSet",
    "LiftedDrain",
    "LiftedHold",
    "LinkApproval",
    "LintReport",
    "LintWorkflowJsonBody",
    "ListApprovalsState",
    "ListAuditOrder",
    "ListDeadLetterGroupsState",
    "ListDeadLettersState",
    "ListJobsState",
    "ListRunsKind",
    "ListRunsState",
    "LockAcquire",
    "LockAcquireMode",
    "LockHolder",
    "LockHolderKind",
    "LockHolderMode",
    "LockRelease",
    "LockRenew",
    "LockView",
    "LockViewMode",
    "LockViewState",
    "LogLine",
    "LogLineStream",
    "LogLines",
    "NeedView",
    "OpenEventsLogs",
    "PageApprovalView",
    "PageBackup",
    "PageCredentialView",
    "PageDeadLetter",
    "PageDecisionView",
    "PageDrain",
    "PageHead",
    "PageHeldView",
    "PageHold",
    "PageJobView",
    "PageKeyView",
    "PageLegalHold",
    "PageLockView",
    "PagePolicyVersion",
    "PagePoolView",
    "PageRecord",
    "PageRedrive",
    "PageRunHeader",
    "PageSchemaView",
    "PageStepView",
    "PageTopicView",
    "PageWorkflowVersion",
    "ParentView",
    "Part",
    "PlacementView",
    "PlacementViewReason",
    "Plan",
    "PlanApproval",
    "PlanChild",
    "PlanCondition",
    "PlanConstraint",
    "PlanFailure",
    "PlanFanOut",
    "PlanJob",
    "PlanLeft",
    "PlanReach",
    "PlanReason",
    "PlanRuling",
    "PlanStep",
    "PlanStepTimeouts",
    "PlanUndo",
    "PlanUndoStep",
    "PolicyActive",
    "PolicyMCP",
    "PolicyPublish",
    "PolicyPublished",
    "PolicyReplay",
    "PolicyRequest",
    "PolicyRequestDerivedTags",
    "PolicyRequestSource",
    "PolicyRequestTags",
    "PolicyRollback",
    "PolicyShadow",
    "PolicyShadowResults",
    "PolicySimulate",
    "PolicySimulation",
    "PolicySnapshot",
    "PolicyVersion",
    "PoolView",
    "Problem",
    "ProblemItem",
    "ProblemItemSeverity",
    "ProgressView",
    "Purged",
    "PutBundleIfNoneMatch",
    "PutBundleJsonBody",
    "PutBundleJsonBodyRulesItem",
    "PutPoolsConfigIfNoneMatch",
    "PutPoolsConfigJsonBody",
    "PutSchemaJsonBody",
    "PutTimeoutsConfigIfNoneMatch",
    "PutTimeoutsConfigJsonBody",
    "Reason",
    "Redrive",
    "RedriveReasons",
    "RedriveState",
    "Report",
    "RetentionPart",
    "RetentionPartKind",
    "RetentionPartWhy",
    "RetentionPlan",
    "RetentionRule",
    "RetentionRuleKind",
    "Rollback",
    "RollbackRun",
    "RollbackRunThen",
    "RunChange",
    "RunHeader",
    "RunStart",
    "RunStartLabels",
    "RunView",
    "RunViewCompensation",
    "RunViewKind",
    "RunViewLabels",
    "RunViewState",
    "SchemaCreate",
    "SchemaVersion",
    "SchemaView",
    "ShadowInfo",
    "Signal",
    "SimulatedRequest",
    "SimulatedRequestDerivedTags",
    "SimulatedRequestSource",
    "SimulatedRequestTags",
    "SimulatedVerdict",
    "SimulatedVerdictDecision",
    "SimulatedVerdictDecisionApprovalsItem",
    "SimulatedVerdictDecisionConstraintsItem",
    "SimulatedVerdictDecisionFailuresItem",
    "SimulatedVerdictDecisionVerdict",
    "SimulatedWorkflow",
    "SimulatedWorkflowLabels",
    "Started",
    "Status",
    "StatusMode",
    "StepChange",
    "StepSummary",
    "StepView",
    "Text",
    "Timeline",
    "TopicCreate",
    "TopicPut",
    "TopicView",
    "Verdict",
    "VerdictDecision",
    "VoteView",
    "WorkerView",
    "WorkerViewLabels",
    "WorkerViewState",
    "Workers",
    "WorkflowCreated",
    "WorkflowDiff",
    "WorkflowRun",
    "WorkflowRunLabels",
    "WorkflowRunStep",
    "WorkflowRunSteps",
    "WorkflowVersion",
)
