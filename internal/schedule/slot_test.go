package schedule

import (
	"fmt"
	"testing"
	"time"
)

func TestSlot(t *testing.T) {
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name   string
		at     time.Time
		period time.Duration
		place  float64
		want   time.Time
	}{
		{"nobody shares the period", noon.Add(time.Nanosecond), 0, 0.5, noon.Add(time.Nanosecond)},
		{"it is now", noon, time.Hour, 0, noon},
		{"it is still to come", noon, time.Hour, 0.5, noon.Add(30 * time.Minute)},
		{"it is over for this period", noon.Add(31 * time.Minute), time.Hour, 0.5, noon.Add(90 * time.Minute)},
		{"a place outside of the period is its end", noon, time.Hour, 7, noon},
		{"a time before the epoch", time.Date(1969, 12, 31, 23, 40, 0, 0, time.UTC), time.Hour, 0.5, time.Date(1970, 1, 1, 0, 30, 0, 0, time.UTC)},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := Slot(row.at, row.period, row.place); !got.Equal(row.want) {
				t.Errorf("Slot is %s, want %s", got.UTC(), row.want)
			}
		})
	}
}

// Clusters that all begin in the same second never meet again.
func TestSlot_ClustersWithDifferentPlacesNeverMeet(t *testing.T) {
	const clusters = 100
	began, taken := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), map[time.Time]int{}
	for cluster := range clusters {
		at := began
		for range 20 {
			at = Slot(at.Add(17*time.Second), clusters*time.Second, (float64(cluster)+0.5)/clusters)
			if other, ok := taken[at.Truncate(time.Second)]; ok {
				t.Fatalf("clusters %d and %d meet at %s", other, cluster, at)
			}
			taken[at.Truncate(time.Second)] = cluster
		}
	}
}

func TestPlace_IsConstantAndSpread(t *testing.T) {
	halves := [2]int{}
	for i := range 1000 {
		place := Place(fmt.Sprint(i))
		if place < 0 || place >= 1 || place != Place(fmt.Sprint(i)) {
			t.Fatalf("the place of %d is %f", i, place)
		}
		halves[int(2*place)]++
	}
	if halves[0] < 400 || halves[1] < 400 {
		t.Errorf("the halves have %v of 1000", halves)
	}
}
