package floor

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
)

// Subjects of the two processes: those of the real wire, so that NATS does the same work for them.
const workerName = "floor"

var (
	requestSubject = bus.WorkerJobs(workerName)
	resultSubject  = bus.Part(0)
)

// Bytes written for one step: the size of a run's header row, and of the facts of one step as a log entry.
const (
	headerBytes = 120
	entryBytes  = 300
)

// packets are the bytes of one step's messages, of the sizes that the real packets have.
type packets struct {
	request, result, ack []byte
}

// newPackets encodes one packet of each kind with fields as the engine fills them.
func newPackets() (packets, error) {
	const run = "0701JD3Q6X5T2M9K8W4V7B1C0D5E"
	job, token := run+".step-a~0", make([]byte, 16)
	request, err := encode(&wire.BusPacket{Payload: &wire.BusPacket_JobRequest{JobRequest: &wire.JobRequest{
		JobId: job, Topic: "job.bench.noop", Priority: wire.JobPriority_JOB_PRIORITY_BATCH, WorkflowId: "bench-chain",
		TenantId: "default", PrincipalId: "user:dev", Meta: &wire.JobMetadata{TenantId: "default", IdempotencyKey: job},
		Token: token, Input: []byte("{}"), AnswerSubject: resultSubject, Attempt: 1,
		JobHash: strings.Repeat("0", 64), DecisionSnapshot: strings.Repeat("0", 64), RunId: run, StepId: "step-a",
	}}})
	if err != nil {
		return packets{}, err
	}
	result, err := encode(&wire.BusPacket{Payload: &wire.BusPacket_JobResult{JobResult: &wire.JobResult{
		JobId: job, Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, WorkerId: workerName, ExecutionMs: 1, Token: token, Output: []byte("{}"),
	}}})
	if err != nil {
		return packets{}, err
	}
	ack, err := encode(&wire.BusPacket{Payload: &wire.BusPacket_Ack{Ack: &wire.Ack{Code: wire.AckCode_ACK_CODE_OK}}})
	return packets{request, result, ack}, err
}

func encode(p *wire.BusPacket) ([]byte, error) {
	p.SenderId, p.ProtocolVersion, p.CreatedAt = "cordum", 1, timestamppb.New(time.Unix(1_700_000_000, 123_456_789))
	data, err := proto.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode a sample packet: %w", err)
	}
	return data, nil
}

// chainOf reads the number that stamp wrote.
func chainOf(packet []byte) int { return int(binary.BigEndian.Uint32(packet)) }

// stamp writes a chain's number over a packet's first bytes.
func stamp(packet []byte, chain int) { binary.BigEndian.PutUint32(packet, uint32(chain)) }
