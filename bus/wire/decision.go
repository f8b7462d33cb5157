package wire

import "encoding/binary"

// DecisionMessage is what DecisionSignature signs: the attempt, the job that was decided about, the snapshot and the rule that
// decided, and the constraints, each preceded by its length, behind a word that no other message begins with.
func DecisionMessage(r *JobRequest) []byte {
	b := []byte("cordum decision v1\x00")
	for _, part := range [][]byte{
		[]byte(r.GetJobId()), []byte(r.GetTenantId()), []byte(r.GetJobHash()), []byte(r.GetDecisionSnapshot()), []byte(r.GetDecisionRule()), r.GetConstraints(),
	} {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b
}
