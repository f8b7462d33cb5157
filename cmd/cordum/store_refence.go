package main

import (
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/redis"
)

func newStoreRefence(a *app) *cobra.Command {
	var at storeFlags
	var from string
	var taken string
	cmd := &cobra.Command{
		Use:   "refence --store REDIS",
		Short: "Say that Redis was put back from a copy",
		Long: "Redis whose files were put back holds the store as it was, and does not say so. This begins a new generation of it, as cordum\n" +
			"backup restore does for a data folder: what workers have of before is refused, what they had in hand has an unknown outcome\n" +
			"or is done again, and the audit log says that it was restored, by whom and why. Servers that still use it are shut out and\n" +
			"stop. What came after the copy is gone: look at cordum run effects.",
		Example: "  cordum store refence --store redis://10.0.0.5:6379 --from nightly.rdb --taken 2026-11-21T03:00:00Z --reason 'disk lost'",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			remote, err := at.redis(a)
			if err != nil {
				return err
			}
			if remote == nil {
				return usagef("--store (or REDIS_URL) is missing: a data folder gets its new generation by cordum backup restore")
			}
			how := store.Restored{At: time.Now().UTC(), From: from, By: localUser(), Reason: a.flags.reason}
			if how.TakenAt, err = time.Parse(time.RFC3339, taken); err != nil {
				return usagef("--taken: write when the copy was made, like 2026-11-21T03:00:00Z")
			}
			if how.TakenAt.After(how.At) {
				return usagef("--taken: %s is in the future: write when the copy was made", taken)
			}
			conf, err := offlineRedis(remote)
			if err != nil {
				return err
			}
			conf.Logger = a.warnings()
			who, err := redis.Refence(cmd.Context(), conf, how)
			if err != nil {
				return err
			}
			return a.showIdentity("store at", remote.withoutPassword(), "cordum serve --store "+remote.withoutPassword(), who)
		},
	}
	at.add(cmd, "", "for a data folder: cordum backup restore")
	_ = cmd.Flags().MarkHidden(dirFlag) // it is there
	cmd.Flags().StringVar(&from, "from", "a copy of the operator's", "what Redis was put back from, for the record")
	cmd.Flags().StringVar(&taken, "taken", "", "when that copy was made; what was acknowledged later is gone")
	return cmd
}
