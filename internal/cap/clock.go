package cap

// CAP's clock. Expiration is a time by CAP's clock: a cluster whose clock is hours behind would trust a credential that expired long ago, and one
// whose clock is hours ahead would refuse every good one.

import (
	"fmt"
	"net/http"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

const (
	// skewFrom is the smallest clock difference that counts. AWS itself refuses signatures from 5 minutes on.
	skewFrom = 5 * time.Minute
	// lent limits by how much CAP's Date can extend a credential's life by this cluster's clock. CAP's clock may be the wrong one; with this
	// limit a credential of usual lifetime is still refreshed in time.
	lent = time.Hour
)

// portalTime is when CAP answered, by its own clock. It is zero if the answer has no date, or comes from a cache.
func portalTime(header http.Header) time.Time {
	if age := header.Get("Age"); age != "" && age != "0" {
		return time.Time{}
	}
	t, _ := http.ParseTime(header.Get("Date")) // zero where it does not parse
	return t
}

// portalNow is CAP's clock at the time now, when an answer with its time has arrived. It answered at some time since it was asked: a process that
// stood still meanwhile learns late of an answer by a clock that is right, so the clocks agree if they can. Where they cannot, CAP may have answered
// at once.
func portalNow(portal, asked, now time.Time) time.Time {
	if portal.IsZero() {
		return portal
	}
	latest := portal.Add(max(0, now.Sub(asked)))
	if portal.Sub(now) < skewFrom && now.Sub(latest) < skewFrom {
		return now
	}
	return latest
}

// skewOf is how far CAP's clock is ahead of this cluster's, or zero if they agree to within skewFrom.
func skewOf(portal, now time.Time) time.Duration {
	if skew := portal.Sub(now); !portal.IsZero() && skew.Abs() >= skewFrom {
		return skew
	}
	return 0
}

// localExpiry converts an expiry to this cluster's clock. It returns the expiry unchanged if the clocks agree, or if the Date makes no sense
// together with the expiry.
func localExpiry(e awscreds.Expiry, portal, now time.Time) awscreds.Expiry {
	skew, left := skewOf(portal, now), e.At.Sub(portal)
	if skew == 0 || left <= 0 || left > schedule.MaxCredentialLifetime { // without an expiry none is left
		return e
	}
	if skew > 0 { // this cluster's clock is behind
		e.At = now.Add(left)
	} else if by := now.Add(min(left, lent)); by.After(e.At) {
		e.At = by
	}
	return e
}

// DescribeSkew says how far CAP's clock is from this cluster's: "3h0m0s ahead of".
func DescribeSkew(skew time.Duration) string {
	direction := "behind"
	if skew > 0 {
		direction = "ahead of"
	}
	return fmt.Sprintf("%s %s", skew.Abs().Round(time.Minute), direction)
}

// Skew is how far CAP's clock was ahead of this cluster's at the last API answer with a date, or zero if they agreed to within five minutes.
// known is false before the first such answer.
func (c *Client) Skew() (skew time.Duration, known bool) {
	if last := c.skew.Load(); last != nil {
		return *last, true
	}
	return 0, false
}
