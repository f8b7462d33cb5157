package dag

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

const day = 24 * time.Hour

var (
	shortDuration = regexp.MustCompile(`^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$`)
	isoDuration   = regexp.MustCompile(`^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$`)
	durationUnits = []time.Duration{day, time.Hour, time.Minute, time.Second, time.Millisecond}

	errDuration = errors.New("write it as 250ms, 30s, 5m, 1h30m, 7d or PT5M")
)

// ParseDuration reads a duration of the language: 250ms, 30s, 5m, 1h30m, 7d, larger units first, or ISO 8601's PT5M; no
// decimals, positive, at most MaxDuration.
func ParseDuration(s string) (time.Duration, error) {
	m := shortDuration.FindStringSubmatch(s)
	if m == nil {
		m = isoDuration.FindStringSubmatch(s)
	}
	if m == nil || strings.HasSuffix(s, "T") {
		return 0, fmt.Errorf("%q is no duration; %w", yamlx.Clip(s), errDuration)
	}
	var total time.Duration
	found := false
	for i, digits := range m[1:] {
		if digits == "" {
			continue
		}
		found = true
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n > int64(MaxDuration/durationUnits[i]) {
			return 0, errTooLong
		}
		total += time.Duration(n) * durationUnits[i]
	}
	switch {
	case !found:
		return 0, fmt.Errorf("%q is no duration; %w", yamlx.Clip(s), errDuration)
	case total == 0:
		return 0, errors.New("a duration is longer than nothing; leave the field out instead")
	case total > MaxDuration:
		return 0, errTooLong
	}
	return total, nil
}

var errTooLong = fmt.Errorf("a duration is at most %d days", MaxDuration/day)

// FormatDuration writes a duration as ParseDuration reads it, in one spelling: 90s is 1m30s. What is below a
// millisecond is lost.
func FormatDuration(d time.Duration) string {
	var out strings.Builder
	for i, unit := range []string{"d", "h", "m", "s", "ms"} {
		if n := d / durationUnits[i]; n > 0 {
			out.WriteString(strconv.FormatInt(int64(n), 10))
			out.WriteString(unit)
			d -= n * durationUnits[i]
		}
	}
	return out.String()
}
