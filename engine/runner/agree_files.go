package runner

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// This file is how it shows that processes have different files of the fleet's configuration. Each goes by its own file: pools by
// that of the process that gives jobs to workers, timeouts by that of each run's. A document of the API lies over all of them.

// filesDiffer is what of the files of this process another one has otherwise.
type filesDiffer struct {
	others *prometheus.GaugeVec
	since  map[string]time.Time // by source; keepAgreed's
}

// sayFile begins what is announced of a file: its digest.
const sayFile = "file."

func newFilesDiffer(r *Runner) filesDiffer {
	d := filesDiffer{
		others: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cordum_config_file_differs", Help: "Other engines whose file is not this engine's.",
		}, []string{"source"}),
		since: map[string]time.Time{},
	}
	if r.cfg.Registry != nil {
		r.cfg.Registry.MustRegister(d.others)
	}
	for _, doc := range []string{PoolsDoc, TimeoutsDoc} {
		r.announceAlso(sayFile+doc, func() string { return r.fleet.fileTag(doc) })
	}
	return d
}

// fileTag is the digest of a file as it was read last; "" before.
func (s *fleetSettings) fileTag(doc string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if source := s.sources[doc+fileSource]; source != nil {
		return source.ETag
	}
	return ""
}

// compareFiles counts the processes whose files are others than this one's, and says so of a difference that lasts: while files
// are rolled out there is one.
func (a *agreement) compareFiles() {
	r := a.r
	for _, doc := range []string{PoolsDoc, TimeoutsDoc} {
		own, other, differ := r.fleet.fileTag(doc), "", 0
		for _, m := range r.members() {
			if tag := m.Says[sayFile+doc]; m.Owner != r.cfg.Owner && tag != "" && own != "" && tag != own {
				differ, other = differ+1, m.Owner
			}
		}
		a.files.others.WithLabelValues(doc).Set(float64(differ))
		began, lasts := a.files.since[doc]
		switch {
		case differ == 0:
			delete(a.files.since, doc)
		case !lasts:
			a.files.since[doc] = time.Now()
		case time.Since(began) > filesPatience && r.registered.say("file "+doc, sayAgain):
			r.cfg.Logger.Warn("another engine has another file: give all the same one, or put a document over it",
				"file", doc, "engine", other, "engines", differ)
		}
	}
}
