package runner

import (
	"context"

	"cordum.dev/cordum/engine"
)

// tooMany is the place among a tenant's runs of a kind before which they are more than count, over all partitions, whoever owns
// them: where the last one begins that is kept. "" when they are not so many. It is found once in a look.
func (k *retainLook) tooMany(ctx context.Context, tenant string, kind engine.Kind, count int) (string, error) {
	if count <= 0 {
		return "", nil
	}
	name := kind.String() + "\x00" + tenant
	if least, known := k.least[name]; known {
		return least, nil
	}
	w := k.r.walkStates(tenant, kind, endStates(kind), "", count)
	least := ""
	for range count {
		row, err := w.next(ctx)
		if err != nil {
			return "", err
		}
		if least = row.order; least == "" {
			break
		}
	}
	k.least[name] = least
	return least, nil
}

// endStates are the states in which runs of a kind have ended.
func endStates(kind engine.Kind) []string {
	for i := range retainedKinds {
		if retainedKinds[i].kind == kind {
			return retainedKinds[i].states
		}
	}
	return nil
}
