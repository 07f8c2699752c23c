package schedule

import (
	"fmt"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestRefreshAt_IsEarlierBySeedAndNeverLater(t *testing.T) {
	hour := noon.Add(time.Hour)
	seen := map[time.Time]bool{}
	for i := range 200 {
		seed := fmt.Sprintf("set/role-%d", i)
		at := RefreshAt(noon, hour, 50, 10, seed)
		if again := RefreshAt(noon, hour, 50, 10, seed); !again.Equal(at) {
			t.Fatalf("seed %q gives %v and then %v", seed, at, again)
		}
		if at.Before(noon.Add(24*time.Minute)) || at.After(noon.Add(30*time.Minute)) {
			t.Errorf("seed %q gives %v, want within 24 to 30 minutes after the fetch", seed, at.Sub(noon))
		}
		seen[at.Truncate(time.Minute)] = true
	}
	if len(seen) < 6 {
		t.Errorf("200 seeds share %d minutes of 6: a herd", len(seen))
	}
}

func TestRefreshAt_MakesSomethingSensibleOfEverything(t *testing.T) {
	for _, test := range []struct {
		name             string
		lifetime         time.Duration
		percent, jitter  int
		earliest, latest time.Duration // after the fetch
	}{
		{"no jitter is exact", time.Hour, 50, 0, 30 * time.Minute, 30 * time.Minute},
		{"a negative jitter is none", time.Hour, 50, -5, 30 * time.Minute, 30 * time.Minute},
		{"a jitter larger than the percentage leaves half of it", time.Hour, 10, 40, 3 * time.Minute, 6 * time.Minute},
		{"one percent", 100 * time.Hour, 1, 0, time.Hour, time.Hour},
		{"ninety-nine percent", 100 * time.Hour, 99, 0, 99 * time.Hour, 99 * time.Hour},
		{"a percentage of zero is the default", time.Hour, 0, 0, 30 * time.Minute, 30 * time.Minute},
		{"a percentage of a hundred is the default", time.Hour, 100, 0, 30 * time.Minute, 30 * time.Minute},
		{"no lifetime is at once", 0, 50, 10, 0, 0},
		{"a negative lifetime is at once", -time.Hour, 50, 10, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			for i := range 50 {
				after := RefreshAt(noon, noon.Add(test.lifetime), test.percent, test.jitter, fmt.Sprint(i)).Sub(noon)
				if after < test.earliest || after > test.latest {
					t.Fatalf("seed %d: %v after the fetch, want %v to %v", i, after, test.earliest, test.latest)
				}
			}
		})
	}
}

func TestRefreshDue_RefreshesWheneverTheBookkeepingIsNotCertain(t *testing.T) {
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	for _, test := range []struct {
		name             string
		fetched, expires time.Time
		due              bool
		reason           RefreshReason
	}{
		{"a fresh credential waits", at(-5), at(55), false, RefreshNotDue},
		{"half of the life is over", at(-30), at(30), true, RefreshScheduled},
		{"it has expired in a shutdown of days", at(-4000), at(-3940), true, RefreshExpired},
		{"it expires right now", at(-60), at(0), true, RefreshExpired},
		{"the expiry is not known", at(-5), time.Time{}, true, RefreshUnknown},
		{"the fetch is not known", time.Time{}, at(55), true, RefreshUnknown},
		{"it was fetched in the future: the clock went backwards", at(10), at(70), true, RefreshClockJumped},
		{"it was fetched seconds ahead by the machine that led before", noon.Add(30 * time.Second), at(60), false, RefreshNotDue},
		{"it expires in a hundred years", at(-5), noon.AddDate(100, 0, 0), true, RefreshAbsurd},
		{"it expires before it was fetched", noon.Add(50 * time.Second), noon.Add(20 * time.Second), true, RefreshAbsurd},
		{"it lives as long as AWS allows", at(-5), at(-5).Add(MaxCredentialLifetime), false, RefreshNotDue},
		{"it lives so long by another clock", at(-5), at(-5).Add(MaxCredentialLifetime + ClockTolerance), false, RefreshNotDue},
		{"it lives longer than that", at(-5), at(-5).Add(MaxCredentialLifetime + ClockTolerance + 1), true, RefreshAbsurd},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := RefreshDue(noon, test.fetched, test.expires, RefreshPolicy{AtLifetimePercent: 50, JitterPercent: 10, Seed: "s"})
			if got.Due != test.due || got.Reason != test.reason {
				t.Errorf("RefreshDue = %+v, want due %v because %s", got, test.due, test.reason)
			}
			if got.Due == got.At.After(noon) {
				t.Errorf("due %v, but at %v", got.Due, got.At)
			}
		})
	}
}

func TestMaxRetryAfter_LeavesTimeForAnotherTry(t *testing.T) {
	hour := noon.Add(time.Hour)
	if left := hour.Sub(RefreshAt(noon, hour, 0, 0, "")); 2*MaxRetryAfter != left {
		t.Errorf("CAP may ask for %s of the %s that a one-hour credential has left", MaxRetryAfter, left)
	}
}

func TestRefreshDue_NeverWaitsBeyondTheExpiry(t *testing.T) {
	for lifetime := time.Second; lifetime <= MaxCredentialLifetime; lifetime *= 3 {
		for _, percent := range []int{1, 10, 50, 90, 99} {
			got := RefreshDue(noon, noon, noon.Add(lifetime), RefreshPolicy{AtLifetimePercent: percent, JitterPercent: 40, Seed: "s"})
			if got.Due || !got.At.Before(noon.Add(lifetime)) || !got.At.After(noon) {
				t.Errorf("lifetime %v at %d %%: %+v", lifetime, percent, got)
			}
		}
	}
}

func TestBackoff_GrowsFromSecondsToMinutesAndStays(t *testing.T) {
	var sum, before time.Duration
	for failures := 1; failures <= 10; failures++ {
		wait := DefaultRetryRhythm.Backoff(failures, "set/role", NoHurry)
		if wait < before*4/5 {
			t.Errorf("after %d failures %v, which is less than %v before", failures, wait, before)
		}
		before = wait
		sum += wait
	}
	if first := DefaultRetryRhythm.Backoff(1, "set/role", NoHurry); first < 4*time.Second || first > 5*time.Second {
		t.Errorf("the first retry comes after %v, want some seconds", first)
	}
	if sum > 30*time.Minute {
		t.Errorf("ten tries take %v, more than what is left of a credential of one hour", sum)
	}
	for _, failures := range []int{1000, 1 << 40} {
		if wait := DefaultRetryRhythm.Backoff(failures, "set/role", NoHurry); wait < 4*time.Minute || wait > 5*time.Minute {
			t.Errorf("after %d failures %v, want 4 to 5 minutes", failures, wait)
		}
	}
	for _, failures := range []int{0, -3} {
		if wait := DefaultRetryRhythm.Backoff(failures, "set/role", NoHurry); wait <= 0 || wait > 5*time.Second {
			t.Errorf("with %d failures %v", failures, wait)
		}
	}
}

func TestBackoff_HurriesAsTheExpiryNears(t *testing.T) {
	for _, test := range []struct {
		name             string
		left             time.Duration
		earliest, latest time.Duration
	}{
		{"much is left", 12 * time.Hour, 4 * time.Minute, 5 * time.Minute},
		{"ten minutes are left", 10 * time.Minute, 48 * time.Second, time.Minute},
		{"a minute is left", time.Minute, 4 * time.Second, 6 * time.Second},
		{"seconds are left", time.Second, 4 * time.Second, 5 * time.Second},
		{"it expires at this moment", 0, 48 * time.Second, time.Minute},
		{"it has just expired", -time.Millisecond, 48 * time.Second, time.Minute},
		{"it has expired long ago", -time.Hour, 48 * time.Second, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			wait := DefaultRetryRhythm.Backoff(50, "set/role", test.left)
			if wait < test.earliest || wait > test.latest {
				t.Errorf("waits %v, want %v to %v", wait, test.earliest, test.latest)
			}
		})
	}
}

func TestBackoff_KeepsRolesApartThatFailedTogether(t *testing.T) {
	seen := map[time.Duration]bool{}
	for i := range 20 {
		seen[DefaultRetryRhythm.Backoff(8, fmt.Sprintf("role-%d", i), NoHurry).Truncate(time.Second)] = true
	}
	if len(seen) < 10 {
		t.Errorf("20 roles come back at %d different times", len(seen))
	}
}

func TestBackoff_FollowsTheRhythmOfItsCause(t *testing.T) {
	slow := RetryRhythm{Base: time.Minute, Max: 10 * time.Minute}
	for failures, want := range map[int]time.Duration{1: time.Minute, 2: 2 * time.Minute, 4: 8 * time.Minute, 9: 10 * time.Minute} {
		if wait := slow.Backoff(failures, "s", NoHurry); wait > want || wait < want*4/5 {
			t.Errorf("after %d failures %v, want up to a fifth less than %v", failures, wait, want)
		}
	}
}

func TestBackoff_DoesNotHurryForWhatAPersonMustMend(t *testing.T) {
	patient := RetryRhythm{Base: 15 * time.Second, Max: 5 * time.Minute, Patient: true}
	for _, left := range []time.Duration{-time.Hour, 0, time.Second, time.Minute, NoHurry} {
		if wait := patient.Backoff(50, "s", left); wait < 4*time.Minute {
			t.Errorf("with %v left it waits %v, want as long as ever", left, wait)
		}
	}
	if r := DefaultRetryRhythm.Slower(patient); r != patient {
		t.Errorf("the slower rhythm is %+v", r)
	}
	if r := patient.Slower(DefaultRetryRhythm); r != patient {
		t.Errorf("the slower rhythm is %+v", r)
	}
}
