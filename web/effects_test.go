package web

import (
	"fmt"
	"net/url"
	"testing"
	"time"
)

// ledger is a run's effects, as a server knows them: pages of at most 2.
type ledger []object

func effectOf(seq int, step, effect, state string, more object) object {
	e := object{
		"step": step, "job_id": fakeRun + "." + step + "~0", "attempt": 1, "sent_as": fmt.Sprintf("%s~%d", step, seq), "effect": effect, "state": state,
		"idempotency_key": "key-of-" + step, "worker": "w-1", "intent_at": time.Now().UTC(), "intent_seq": seq,
	}
	for name, value := range more {
		e[name] = value
	}
	return e
}

func (l *ledger) answer(query url.Values) any {
	from := 0
	_, _ = fmt.Sscanf(query.Get("cursor"), "at:%d", &from) // none is the beginning
	end := min(from+2, len(*l))
	counts := map[string]int{}
	for _, e := range *l {
		counts[e["state"].(string)]++
	}
	page := object{"items": (*l)[from:end], "counts": counts}
	if end < len(*l) {
		page["next_cursor"] = fmt.Sprintf("at:%d", end)
	}
	return page
}

// What a run did to the world is read when it is asked for: how much of it is known first, each attempt with its key, and of the
// unknown that there is no answer. It is read again when the run moves.
func TestPageShowsEffects(t *testing.T) {
	t.Parallel()
	receipt := object{"ended_at": time.Now().UTC(), "receipt_seq": 9}
	all := &ledger{
		effectOf(2, "reserve", "write", "undone", receipt),
		effectOf(4, "pay", "write", "unknown", object{"ended_at": time.Now().UTC(), "attempt": 2}),
		effectOf(6, "ship", "irreversible", "running", nil),
		effectOf(7, "undo:reserve", "write", "done", object{"ended_at": time.Now().UTC(), "receipt_seq": 11, "undoes": "reserve", "worker": ""}),
	}
	api := newRecorded(t, orderRun())
	api.answers["GET runs/"+fakeRun+"/effects"] = all.answer
	b := openBrowser(t, api.URL+runPage)
	b.until("#effects summary", "What it did to the world") // nothing was read
	b.click("#effects summary")
	b.until("#effects summary", "Effects: 1 done, 1 undone, 1 unknown, 1 under way")
	const rows = `[...document.querySelectorAll("#effect-list tbody tr")].map((tr) => tr.dataset.effect).join()`
	b.expect(map[string]string{
		rows: "2,4,6,7",
		`document.querySelector('[data-effect="4"] td').textContent`:                     "pay, attempt 2",
		`document.querySelector('[data-effect="4"] [data-column="State"]').textContent`:  "? unknown",
		`document.querySelector('[data-effect="6"] td:last-child').textContent`:          "not yet",
		`document.querySelector('[data-effect="7"] td').textContent`:                     "the compensation of reserve",
		`document.querySelector('[data-effect="7"] [data-column="Worker"]').textContent`: "whoever listened",
		`document.querySelector('[data-effect="2"] .mono').textContent`:                  "key-of-reserve",
	})
	b.until(`[data-effect="4"] td:last-child`, "no answer; over ")
	b.until(`[data-effect="2"] td:last-child`, " by fact 9")
	b.put("#effect-state", "unknown")
	b.expect(map[string]string{rows: "4"})
	b.put("#effect-state", "none")
	b.until("#effects .empty", "None is shown.")
	b.put("#effect-state", "done")

	api.change("job_ended", "ship", object{}, func(object) {
		(*all)[2] = effectOf(6, "ship", "irreversible", "done", receipt)
	})
	b.until("#effects summary", "Effects: 2 done, 1 undone, 1 unknown")
	b.until(`[data-effect="6"] td:last-child`, " by fact 9")
	b.expect(map[string]string{rows: "6,7"})
	b.noErrors()
}
