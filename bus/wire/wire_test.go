package wire_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	"cordum.dev/cordum/bus/wire"
)

// capFields are the fields of CAP v2 by message, as its published schema numbers them: existing workers depend on
// every one. What is not listed of such a message is ours and has a number from 1000 up.
var capFields = map[protoreflect.Name]string{
	"BusPacket": "trace_id=1 sender_id=2 created_at=3 protocol_version=4 job_request=10 job_result=11 heartbeat=12 " +
		"alert=13 job_progress=15 job_cancel=16 handshake=17 signature=14 auth_token=18",
	"JobRequest": "job_id=1 topic=2 priority=3 context_ptr=4 adapter_id=5 env=6 parent_job_id=7 workflow_id=8 " +
		"step_index=9 memory_id=10 context_hints=11 budget=12 tenant_id=13 principal_id=14 labels=15 meta=16 compensation=17",
	"ContextHints": "max_input_tokens=1 allow_summarization=2 allow_retrieval=3 tags=4",
	"Budget":       "max_input_tokens=1 max_output_tokens=2 max_total_tokens=3 deadline_ms=4",
	"JobMetadata": "tenant_id=1 actor_id=2 actor_type=3 idempotency_key=4 capability=5 risk_tags=6 requires=7 " +
		"pack_id=8 labels=9",
	"Compensation": "topic=1 context_ptr=2 priority=3 adapter_id=4 env=5 memory_id=6 context_hints=7 budget=8 " +
		"tenant_id=9 principal_id=10 labels=11 meta=12",
	"JobResult": "job_id=1 status=2 result_ptr=3 worker_id=4 execution_ms=5 error_code=6 error_message=7 " +
		"artifact_ptrs=8 error_code_enum=9",
	"JobProgress": "job_id=1 step_id=2 percent=3 message=4 result_ptr=5 artifact_ptrs=6 status=7",
	"JobCancel":   "job_id=1 reason=2 requested_by=3",
	"Heartbeat": "worker_id=1 region=2 type=3 cpu_load=4 gpu_utilization=5 active_jobs=6 capabilities=7 pool=11 " +
		"max_parallel_jobs=12 labels=13 memory_load=14 progress_pct=15 last_memo=16 auth_token=18 agent_name=19",
	"SystemAlert": "level=1 message=2 component=3 code=4",
	"PolicyCheckRequest": "job_id=1 topic=2 tenant=3 priority=4 estimated_cost=5 budget=6 principal_id=7 labels=8 " +
		"memory_id=9 effective_config=10 meta=11 input_content=20 input_content_type=21 input_size_bytes=22",
	"PolicyCheckResponse": "decision=1 reason=2 redacted_context_ptr=3 policy_snapshot=4 rule_id=5 constraints=6 " +
		"approval_required=7 approval_ref=8 remediations=9",
	"PolicyConstraints":    "budgets=1 sandbox=2 toolchain=3 diff=4 redaction_level=5",
	"BudgetConstraints":    "max_runtime_ms=1 max_retries=2 max_artifact_bytes=3 max_concurrent_jobs=4",
	"SandboxProfile":       "isolated=1 network_allowlist=2 fs_read_only=3 fs_read_write=4",
	"ToolchainConstraints": "allowed_tools=1 allowed_commands=2",
	"DiffConstraints":      "max_files=1 max_lines=2 deny_path_globs=3",
	"PolicyRemediation": "id=1 title=2 summary=3 replacement_topic=4 replacement_capability=5 add_labels=6 " +
		"remove_labels=7",
	"ListSnapshotsRequest":  "",
	"ListSnapshotsResponse": "snapshots=1",
	"Handshake": "component_id=1 role=2 supported_versions=3 capabilities=4 sdk_version=5 ready_topics=6 " +
		"agent_name=7",
}

var capEnums = map[protoreflect.Name]string{
	"JobPriority": "UNSPECIFIED INTERACTIVE BATCH CRITICAL",
	"JobStatus": "UNSPECIFIED PENDING SCHEDULED DISPATCHED RUNNING SUCCEEDED FAILED CANCELLED DENIED TIMEOUT " +
		"FAILED_RETRYABLE FAILED_FATAL",
	"ActorType":     "UNSPECIFIED HUMAN SERVICE",
	"DecisionType":  "UNSPECIFIED ALLOW DENY REQUIRE_HUMAN THROTTLE ALLOW_WITH_CONSTRAINTS QUARANTINE REDACT",
	"ComponentRole": "UNSPECIFIED GATEWAY SCHEDULER WORKER ORCHESTRATOR CONTROLLER",
}

func TestFieldsOfCAP(t *testing.T) {
	file := wire.File_cordum_proto
	if file.Package() != "cordum.agent.v1" {
		t.Errorf("package %s", file.Package())
	}
	for name, list := range capFields {
		message := file.Messages().ByName(name)
		if message == nil {
			t.Errorf("no message %s", name)
			continue
		}
		known := map[string]bool{}
		for _, field := range strings.Fields(list) {
			known[field] = true
		}
		fields := message.Fields()
		for i := range fields.Len() {
			f := fields.Get(i)
			spelled := string(f.Name()) + "=" + strconv.Itoa(int(f.Number()))
			if !known[spelled] && f.Number() < 1000 {
				t.Errorf("%s: %s is neither CAP's nor from 1000 up", name, spelled)
			}
			delete(known, spelled)
		}
		for missing := range known {
			t.Errorf("%s: CAP's %s is missing", name, missing)
		}
	}
}

func TestEnumsOfCAP(t *testing.T) {
	for name, list := range capEnums {
		enum := wire.File_cordum_proto.Enums().ByName(name)
		if enum == nil {
			t.Errorf("no enum %s", name)
			continue
		}
		for number, value := range strings.Fields(list) {
			want := screaming(string(name)) + "_" + value
			if v := enum.Values().ByNumber(protoreflect.EnumNumber(number)); v == nil || string(v.Name()) != want {
				t.Errorf("%s: number %d is %v, want %s", name, number, v, want)
			}
		}
	}
}

// TestOldReadersSkipOurFields decodes our packets as a CAP worker does, which knows none of our fields: what it knows
// is as sent, and what it does not know it hands on.
func TestOldReadersSkipOurFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z0-9.~@]{0,20}`)
		sent := &wire.JobRequest{
			JobId: text.Draw(t, "job"), Topic: text.Draw(t, "topic"), TenantId: text.Draw(t, "tenant"),
			Labels: rapid.MapOfN(text, text, 0, 3).Draw(t, "labels"),
			Token:  rapid.SliceOf(rapid.Byte()).Draw(t, "token"), Input: []byte(text.Draw(t, "input")),
			AskBegin: rapid.Bool().Draw(t, "begin"), Attempt: rapid.Int32().Draw(t, "attempt"),
		}
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		old, ours := split(t, data)
		var read wire.JobRequest
		if err := proto.Unmarshal(old, &read); err != nil {
			t.Fatal(err)
		}
		if read.GetJobId() != sent.GetJobId() || read.GetTopic() != sent.GetTopic() || len(read.GetToken()) != 0 || read.GetAskBegin() {
			t.Fatalf("an old reader sees %v", &read)
		}
		var back wire.JobRequest
		if err := proto.Unmarshal(append(bytes.Clone(old), ours...), &back); err != nil || !proto.Equal(&back, sent) {
			t.Fatalf("%v, %v, want %v", &back, err, sent)
		}
	})
}

// split parts an encoded message into fields below and from 1000.
func split(t *rapid.T, data []byte) (below, from []byte) {
	for len(data) > 0 {
		number, _, n := protowire.ConsumeField(data)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		if number < 1000 {
			below = append(below, data[:n]...)
		} else {
			from = append(from, data[:n]...)
		}
		data = data[n:]
	}
	return below, from
}

// FuzzPacket: whatever comes from the network decodes or is an error, and what decodes survives a round trip.
func FuzzPacket(f *testing.F) {
	for _, p := range []*wire.BusPacket{
		{SenderId: "w1", Payload: &wire.BusPacket_JobResult{JobResult: &wire.JobResult{JobId: "1", Token: []byte("t")}}},
		{Payload: &wire.BusPacket_Heartbeat{Heartbeat: &wire.Heartbeat{WorkerId: "w1", Jobs: []*wire.JobHold{{JobId: "1"}}}}},
		{Payload: &wire.BusPacket_Ack{Ack: &wire.Ack{Code: wire.AckCode_ACK_CODE_STALE}}},
	} {
		data, err := proto.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p, again wire.BusPacket
		if proto.Unmarshal(data, &p) != nil {
			return
		}
		encoded, err := proto.Marshal(&p)
		if err != nil {
			t.Fatal(err)
		}
		if err := proto.Unmarshal(encoded, &again); err != nil {
			t.Fatal(err)
		}
	})
}

// screaming spells a type's name as its values begin: JobStatus is JOB_STATUS.
func screaming(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToUpper(string(r)))
	}
	return b.String()
}
