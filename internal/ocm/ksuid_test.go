package ocm

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The first is the example of github.com/segmentio/ksuid, which tells its time.
func TestCreatedAt_IsInTheIDWhereOCMLeavesItOut(t *testing.T) {
	const known = "0ujtsYcgvSTl8PAuAdqWYSMnLOv"
	at := time.Date(2017, 10, 10, 4, 0, 47, 0, time.UTC)
	updated := "2023-01-05T12:19:41Z"
	for name, c := range map[string]struct {
		id, rest string
		want     time.Time
	}{
		"neither is told":          {known, "", at},
		"created_at is told":       {known, `,"created_at":"2023-01-05T12:00:00Z"`, time.Date(2023, 1, 5, 12, 0, 0, 0, time.UTC)},
		"created_at is null":       {known, `,"created_at":null,"updated_at":"` + updated + `"`, at},
		"an id of no time":         {"rotation-1", `,"updated_at":"` + updated + `"`, time.Date(2023, 1, 5, 12, 19, 41, 0, time.UTC)},
		"the first of all KSUIDs":  {strings.Repeat("0", 27), "", time.Unix(ksuidEpoch, 0).UTC()},
		"a digit that is none":     {known[:26] + "-", `,"updated_at":"` + updated + `"`, time.Date(2023, 1, 5, 12, 19, 41, 0, time.UTC)},
		"more than 20 bytes":       {strings.Repeat("z", 27), `,"updated_at":"` + updated + `"`, time.Date(2023, 1, 5, 12, 19, 41, 0, time.UTC)},
		"shorter than a KSUID":     {known[:26], `,"updated_at":"` + updated + `"`, time.Date(2023, 1, 5, 12, 19, 41, 0, time.UTC)},
		"nothing says when it was": {known[:26], "", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			r, problem := decodeRotation(fmt.Appendf(nil, `{"id":%q,"account_id":"a","status":"pending"%s}`, c.id, c.rest))
			if c.want.IsZero() != (problem != "") || !r.CreatedAt.Equal(c.want) {
				t.Errorf("it was created at %v, %q; want %v", r.CreatedAt, problem, c.want)
			}
		})
	}
}
