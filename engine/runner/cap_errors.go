package runner

import (
	"fmt"

	"cordum.dev/cordum/bus/wire"
)

// capError is one of CAP's error codes: its name here, and whether the same again may succeed.
type capError struct {
	name      string
	retryable bool
}

// capErrors are the codes that CAP names. Those from firstApplicationCode are the applications' own.
var capErrors = map[int32]capError{
	100: {"protocol_version_mismatch", false},
	101: {"protocol_malformed_packet", false},
	102: {"protocol_unknown_payload", false},
	103: {"protocol_signature_invalid", false},
	104: {"protocol_signature_missing", false},

	200: {"job_timeout", true},
	201: {"job_resource_exhausted", true},
	202: {"job_permission_denied", false},
	203: {"job_invalid_input", false},
	204: {"job_not_found", false},
	205: {"job_duplicate", false},
	206: {"job_worker_unavailable", true},

	300: {"safety_denied", false},
	301: {"safety_policy_violation", false},
	302: {"safety_risk_tag_blocked", false},

	400: {"transport_publish_failed", true},
	401: {"transport_subscribe_failed", true},
	402: {"transport_connection_lost", true},
}

const firstApplicationCode = 1000

// readErrorCode reads the number of a failure's code: it names the failure when nothing else does, and says whether it may be
// tried again when the status does not.
func readErrorCode(res *wire.JobResult) {
	if res.ErrorCodeEnum == 0 || res.Status == wire.JobStatus_JOB_STATUS_SUCCEEDED {
		return
	}
	known, ok := capErrors[res.ErrorCodeEnum]
	if res.ErrorCode == "" {
		switch {
		case ok:
			res.ErrorCode = known.name
		case res.ErrorCodeEnum >= firstApplicationCode:
			res.ErrorCode = fmt.Sprintf("app_%d", res.ErrorCodeEnum)
		}
	}
	if ok && res.Status == wire.JobStatus_JOB_STATUS_FAILED && !known.retryable {
		res.Status = wire.JobStatus_JOB_STATUS_FAILED_FATAL
	}
}
