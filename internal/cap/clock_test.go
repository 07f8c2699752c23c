package cap

import (
	"context"
	"net/http"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// Each case is a portal whose clock is so far ahead of this cluster's, and an Expiration by the portal's clock.
func TestLocalExpiry_IsByThisClustersClock(t *testing.T) {
	for _, test := range []struct {
		name string
		// ahead is how far the portal's clock is ahead, left what the credential has left by it.
		ahead, left time.Duration
		// want is from now on; it may be in the past.
		want time.Duration
	}{
		{"the clocks agree", 0, time.Hour, time.Hour},
		{"seconds apart they agree on the other side too", -30 * time.Second, time.Hour, time.Hour - 30*time.Second},
		{"a date that is the Expiration tells nothing", 3 * time.Hour, 0, 3 * time.Hour},
		{"seconds apart they agree", 30 * time.Second, time.Hour, time.Hour + 30*time.Second},
		{"a clock that is behind makes no credential live longer", 3 * time.Hour, time.Hour, time.Hour},
		{"nor one that lives for a quarter of an hour", 20 * time.Minute, 15 * time.Minute, 15 * time.Minute},
		{"a clock that is ahead makes no fresh credential dead", -3 * time.Hour, time.Hour, time.Hour},
		{"nor one whose time is almost up", -59 * time.Minute, time.Hour, time.Hour},
		{"a portal whose own clock may be wrong is believed up to an hour", -3 * time.Hour, 4 * time.Hour, time.Hour},
		{"what lives for longer by this cluster's clock does", -3 * time.Hour, 12 * time.Hour, 9 * time.Hour},
		{"an answer that is dead by its own date is dead by a clock that is ahead too", -3 * time.Hour, -time.Minute, -3*time.Hour - time.Minute},
		{"a date after the Expiration tells nothing", 3 * time.Hour, -2 * time.Hour, time.Hour},
		{"nor does one that no credential's life fits", -400 * 24 * time.Hour, 400*24*time.Hour + time.Hour, time.Hour},
		{"the longest life that there is", 3 * time.Hour, schedule.MaxCredentialLifetime, schedule.MaxCredentialLifetime},
	} {
		portal := noon.Add(test.ahead)
		if got := localExpiry(awscreds.ToldExpiry(portal.Add(test.left)), portal, noon).At.Sub(noon); got != test.want {
			t.Errorf("%s: it expires in %s, want %s", test.name, got, test.want)
		}
	}
	if got := localExpiry(awscreds.ToldExpiry(noon.Add(time.Hour)), time.Time{}, noon); !got.At.Equal(noon.Add(time.Hour)) {
		t.Errorf("without a date it expires at %s", got.At)
	}
	if got := localExpiry(awscreds.Expiry{}, noon.Add(3*time.Hour), noon); got != (awscreds.Expiry{}) {
		t.Errorf("without an Expiration it expires at %s", got.At)
	}
}

func TestFetch_CountsALifeByThePortalsClockAndTellsTheDifference(t *testing.T) {
	for _, test := range []struct {
		name string
		// date and age are headers of the answer, whose Expiration is an hour after the portal's time.
		portal    time.Time
		date, age string
		want      time.Duration // from now on; zero: it is refused as expired
		skew      time.Duration
		known     bool
	}{
		{"the clocks agree", noon.Add(time.Minute), "", "", time.Hour + time.Minute, 0, true},
		{"this cluster's is behind", noon.Add(5 * time.Hour), "", "", time.Hour, 5 * time.Hour, true},
		{"this cluster's is ahead", noon.Add(-5 * time.Hour), "", "", time.Hour, -5 * time.Hour, true},
		{"a cache that is as fresh as the portal", noon.Add(-5 * time.Hour), "", "0", time.Hour, -5 * time.Hour, true},
		{"a dead credential from a cache", noon.Add(-5 * time.Hour), "", "18000", 0, 0, false},
		{"a portal that tells no time", noon.Add(5 * time.Hour), "soon", "", 6 * time.Hour, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startPortal(t, func(w http.ResponseWriter, r *http.Request) {
				date := test.date
				if date == "" {
					date = test.portal.Format(http.TimeFormat)
				}
				w.Header().Set("Date", date)
				if test.age != "" {
					w.Header().Set("Age", test.age)
				}
				serve(200, jsonType, good(`"`+test.portal.Add(time.Hour).Format(time.RFC3339)+`"`))(w, r)
			})
			client := p.client(t)
			if _, known := client.Skew(); known {
				t.Error("the difference is known before the first answer")
			}
			c, err := client.Fetch(context.Background(), "r")
			switch {
			case test.want == 0 && err == nil:
				t.Errorf("it is trusted until %s", c.Expiry.At)
			case test.want != 0 && (err != nil || c.Expiry.At.Sub(noon) != test.want):
				t.Errorf("it expires in %s, want %s (%v)", c.Expiry.At.Sub(noon), test.want, err)
			}
			if skew, known := client.Skew(); skew != test.skew || known != test.known {
				t.Errorf("the portal's clock is %s ahead (known %v), want %s (%v)", skew, known, test.skew, test.known)
			}
		})
	}
}

// A process can stand still between its request and the answer, such as on a node that is paused.
func TestFetch_TakesAnAnswerThatWaitedForTheProcessForNoWrongClock(t *testing.T) {
	for _, test := range []struct {
		name string
		// stood is how long the process stands still, ahead how far CAP's clock is ahead.
		stood, ahead time.Duration
		// want is when the credential, which lives for an hour by CAP's clock, expires after the request.
		want, skew time.Duration
	}{
		{"the clocks agree", 26 * time.Minute, 0, time.Hour, 0},
		{"CAP's is minutes ahead, which may be how late it has answered", 26 * time.Minute, 20 * time.Minute, time.Hour + 20*time.Minute, 0},
		{"CAP's is hours ahead", 26 * time.Minute, 3 * time.Hour, time.Hour, 3 * time.Hour},
		{"CAP's is hours behind", 26 * time.Minute, -3 * time.Hour, time.Hour, -3 * time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			clock := clocktesting.NewFakePassiveClock(noon)
			p := startPortal(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Date", noon.Add(test.ahead).Format(http.TimeFormat))
				serve(200, jsonType, good(`"`+noon.Add(test.ahead+time.Hour).Format(time.RFC3339)+`"`))(w, r)
				clock.SetTime(noon.Add(test.stood))
			})
			p.config.Clock = clock
			client := p.client(t)
			c, err := client.Fetch(t.Context(), "r")
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Expiry.At.Sub(noon); got != test.want {
				t.Errorf("it expires %s after the request, want %s", got, test.want)
			}
			if skew, _ := client.Skew(); skew != test.skew {
				t.Errorf("CAP's clock is said to be %s ahead, want %s", skew, test.skew)
			}
		})
	}
}

func TestPortalNow_IsThisClustersTimeWhereTheClocksCanAgree(t *testing.T) {
	for _, test := range []struct{ elapsed, ahead, want time.Duration }{
		{0, 5*time.Minute - 1, 0},
		{0, 5 * time.Minute, 5 * time.Minute},
		{0, 1 - 5*time.Minute, 0},
		{0, -5 * time.Minute, -5 * time.Minute},
		{time.Hour, -time.Hour, 0},
		{time.Hour, 1 - time.Hour - 5*time.Minute, 0},
		{time.Hour, -time.Hour - 5*time.Minute, -5 * time.Minute},
		{time.Hour, 5 * time.Minute, time.Hour + 5*time.Minute},
		{-time.Hour, -5 * time.Minute, -5 * time.Minute}, // this cluster's clock was set back meanwhile
	} {
		if got := portalNow(noon.Add(test.ahead), noon.Add(-test.elapsed), noon).Sub(noon); got != test.want {
			t.Errorf("asked %s ago, dated %s: it is %s, want %s", test.elapsed, test.ahead, got, test.want)
		}
	}
	if got := portalNow(time.Time{}, noon, noon.Add(time.Hour)); !got.IsZero() {
		t.Errorf("without a date it is %s", got)
	}
}

func TestSkew_IsNotThatOfAPageOfAWebServerBeforeThePortal(t *testing.T) {
	p := startPortal(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", noon.Add(5*time.Hour).Format(http.TimeFormat))
		serve(502, "text/html", canary)(w, r)
	})
	client := p.client(t)
	if _, err := client.Fetch(context.Background(), "r"); err == nil {
		t.Error("a page is trusted")
	}
	if skew, known := client.Skew(); known {
		t.Errorf("the portal's clock is said to be %s ahead", skew)
	}
}

func TestSkew_CountsFromTheFiveMinutesOfAWSAndOnlyByTheTimeOfTheAnswer(t *testing.T) {
	for skew, want := range map[time.Duration]time.Duration{
		5 * time.Minute: 5 * time.Minute, 5*time.Minute - time.Second: 0, -5 * time.Minute: -5 * time.Minute, 1 - 5*time.Minute: 0, 3 * time.Hour: 3 * time.Hour,
	} {
		if got := skewOf(noon.Add(skew), noon); got != want {
			t.Errorf("%s apart: %s", skew, got)
		}
	}
	date := noon.Format(http.TimeFormat)
	for age, want := range map[string]time.Time{"": noon, "0": noon, "1": {}, "soon": {}} {
		if got := portalTime(http.Header{"Date": {date}, "Age": {age}}); !got.Equal(want) {
			t.Errorf("an answer of the age %q is from %s", age, got)
		}
	}
	for skew, want := range map[time.Duration]string{3 * time.Hour: "3h0m0s ahead of", -3*time.Hour - 4*time.Minute - 29*time.Second: "3h4m0s behind"} {
		if got := DescribeSkew(skew); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	var c Client
	if skew, known := c.Skew(); skew != 0 || known {
		t.Errorf("before an answer it is %s, known %v", skew, known)
	}
	hour := time.Hour
	c.skew.Store(&hour)
	if skew, known := c.Skew(); skew != hour || !known {
		t.Errorf("after one it is %s, known %v", skew, known)
	}
}
