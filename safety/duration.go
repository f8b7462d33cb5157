package safety

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

// maxDuration is the longest duration that can be written: 366 days, as in workflows.
const maxDuration = 366 * 24 * time.Hour

var (
	shortDuration = regexp.MustCompile(`^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$`)
	isoDuration   = regexp.MustCompile(`^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$`)
	durationUnits = [...]time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second, time.Millisecond}

	errDurationRange = errors.New("a duration is longer than nothing and at most 366 days")
)

// parseDuration reads a duration as workflows write it: 250ms, 30s, 5m, 1h30m, 7d or PT5M. errDurationRange says that it
// is one, but too long or nothing.
func parseDuration(s string) (time.Duration, error) {
	m := shortDuration.FindStringSubmatch(s)
	if m == nil {
		m = isoDuration.FindStringSubmatch(s)
	}
	if m == nil || strings.HasSuffix(s, "T") || !strings.ContainsAny(s, "0123456789") {
		return 0, fmt.Errorf("%q is no duration; write it as 250ms, 30s, 5m, 1h30m, 7d or PT5M", yamlx.Clip(s))
	}
	var total time.Duration
	for i, digits := range m[1:] {
		if digits == "" {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n > int64(maxDuration/durationUnits[i]) {
			return 0, errDurationRange
		}
		total += time.Duration(n) * durationUnits[i]
	}
	if total == 0 || total > maxDuration {
		return 0, errDurationRange
	}
	return total, nil
}

// formatDuration writes a duration as parseDuration reads it, in one spelling.
func formatDuration(d time.Duration) string {
	var out strings.Builder
	for i, unit := range []string{"d", "h", "m", "s", "ms"} {
		if n := d / durationUnits[i]; n > 0 {
			out.WriteString(strconv.FormatInt(int64(n), 10) + unit)
			d -= n * durationUnits[i]
		}
	}
	return out.String()
}
