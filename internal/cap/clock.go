package cap

// The portal's clock. Expiration is a time by it, and a cluster whose own clock is hours behind would take a credential for
// alive that is long dead; one whose clock is hours ahead would refuse every good one.

import (
	"fmt"
	"net/http"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

const (
	// skewFrom is the difference of two clocks that counts. AWS itself refuses signatures from 5 minutes on.
	skewFrom = 5 * time.Minute
	// lent is the most life that the portal's Date can give to a credential that has less, or none, by this cluster's clock. It may
	// be the portal's clock that is wrong; then a credential that lives as long as most do is still refreshed in time.
	lent = time.Hour
)

// portalTime is when the portal gave an answer, by its own clock. Zero: it does not say, or a cache says it in its place.
func portalTime(header http.Header) time.Time {
	if age := header.Get("Age"); age != "" && age != "0" {
		return time.Time{}
	}
	t, _ := http.ParseTime(header.Get("Date")) // zero where it does not parse
	return t
}

// skewOf is how far the portal's clock is ahead of this cluster's, and zero as long as they agree to within skewFrom.
func skewOf(portal, now time.Time) time.Duration {
	if skew := portal.Sub(now); !portal.IsZero() && skew.Abs() >= skewFrom {
		return skew
	}
	return 0
}

// localExpiry is an expiry by this cluster's clock. Where the clocks agree, and where the Date makes no sense together with the
// expiry, it is the expiry itself.
func localExpiry(e awscreds.Expiry, portal, now time.Time) awscreds.Expiry {
	skew, left := skewOf(portal, now), e.At.Sub(portal)
	if skew == 0 || e.At.IsZero() || left <= 0 || left > schedule.MaxCredentialLifetime {
		return e
	}
	if skew > 0 { // this cluster's clock is behind
		e.At = now.Add(left)
	} else if by := now.Add(min(left, lent)); by.After(e.At) {
		e.At = by
	}
	return e
}

// DescribeSkew says how far the portal's clock is from this one: "3h0m0s ahead of".
func DescribeSkew(skew time.Duration) string {
	direction := "behind"
	if skew > 0 {
		direction = "ahead of"
	}
	return fmt.Sprintf("%s %s", skew.Abs().Round(time.Minute), direction)
}

// Skew is how far the portal's clock was ahead of this cluster's in the last answer of its API that told the time, and zero when they agreed
// to within five minutes. known is false before there was such an answer.
func (c *Client) Skew() (skew time.Duration, known bool) {
	if last := c.skew.Load(); last != nil {
		return *last, true
	}
	return 0, false
}
