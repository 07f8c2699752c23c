package schedule

import (
	"fmt"
	"testing"
	"time"
)

func TestSpread_IsTheSameEachTimeAndWithinTheLimit(t *testing.T) {
	for i := range 1000 {
		seed := fmt.Sprint("cluster-", i)
		a := Spread(seed, time.Hour)
		if a != Spread(seed, time.Hour) || a < 0 || a >= time.Hour {
			t.Fatalf("%s: %v", seed, a)
		}
	}
	// A new version of the operator must not move the times: this value is fixed.
	if got, want := Spread("cluster-1", time.Hour), 1054423741677*time.Nanosecond; got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

func TestSpread_KeepsClustersApart(t *testing.T) {
	perTenth := map[time.Duration]int{}
	for i := range 1000 {
		perTenth[Spread(fmt.Sprint("cluster-", i), time.Hour)/(6*time.Minute)]++
	}
	for tenth := range time.Duration(10) {
		if n := perTenth[tenth]; n < 60 || n > 140 {
			t.Errorf("%d of 1000 clusters in tenth %d", n, tenth)
		}
	}
}

func TestSpread_WithoutLimitIsNone(t *testing.T) {
	if Spread("x", 0) != 0 || Spread("x", -time.Hour) != 0 {
		t.Error("a delay")
	}
}

func TestDoubled_GrowsFromItsBaseToItsLimit(t *testing.T) {
	for failures, want := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 6: 30 * time.Second, 1 << 30: 30 * time.Second} {
		if got := Doubled(time.Second, 30*time.Second, failures); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
	if got := Doubled(time.Minute, time.Second, 3); got != time.Second {
		t.Errorf("a base over the limit gives %s", got)
	}
}
