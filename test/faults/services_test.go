package faults

import (
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

const second = simctl.Duration(time.Second)

// services is a fault of OCM and of CAP.
func services(o ocm.Fault, c cap.Fault) func(*world) func() {
	return func(w *world) func() {
		o.Endpoint = ocm.OpAny
		w.ocm.Break(o)
		w.must(w.cap.Break(c))
		return func() {
			w.ocm.Mend()
			w.cap.Heal()
		}
	}
}

// registries is a fault of all registries.
func registries(f registry.Fault) func(*world) func() {
	return func(w *world) func() {
		w.registries.Break(f)
		return w.registries.Mend
	}
}

// serviceFaults are those of OCM and its SSO, of CAP, and of the registries.
var serviceFaults = []fault{
	{name: "OCM and CAP: answers take a second", lasts: 10 * time.Second, begin: services(
		ocm.Fault{Kind: ocm.Slow, Delay: second}, cap.Fault{Kind: cap.FaultDelay, Delay: second})},
	{name: "OCM and CAP: answers are lost", lasts: 10 * time.Second, begin: services(
		ocm.Fault{Kind: ocm.LostAnswer, Every: 2}, cap.Fault{Kind: cap.FaultLostAnswer, Every: 2})},
	{name: "OCM and CAP: answers are cut in half", lasts: 10 * time.Second, begin: services(
		ocm.Fault{Kind: ocm.Answer, Body: `{"id":"`, Every: 2}, cap.Fault{Kind: cap.FaultTruncated, Every: 2})},
	{name: "OCM and CAP: each second answer is 429 with Retry-After", lasts: 10 * time.Second, begin: services(
		ocm.Fault{Kind: ocm.RateLimited, RetryAfter: second, Every: 2}, cap.Fault{Kind: cap.FaultRateLimited, RetryAfter: "1", Every: 2})},
	{name: "OCM and CAP: nothing but 429 with Retry-After", lasts: 15 * time.Second, begin: services(
		ocm.Fault{Kind: ocm.RateLimited, RetryAfter: 5 * second}, cap.Fault{Kind: cap.FaultRateLimited, RetryAfter: "5"})},
	{name: "OCM and CAP: nothing but 429 without Retry-After", lasts: 15 * time.Second, begin: services(
		ocm.Fault{Kind: ocm.RateLimited}, cap.Fault{Kind: cap.FaultRateLimited})},
	{name: "OCM and CAP: nothing but 500", lasts: 15 * time.Second, begin: services(
		ocm.Fault{Kind: ocm.Error500}, cap.Fault{Kind: cap.FaultServerError})},
	{name: "OCM and CAP: each second answer is 502", lasts: 15 * time.Second, begin: services(
		ocm.Fault{Kind: ocm.HTML502, Every: 2}, cap.Fault{Kind: cap.FaultBadGateway, Every: 2})},
	{name: "OCM and CAP: each second connection is reset", lasts: 10 * time.Second, begin: services(
		ocm.Fault{Kind: ocm.Dropped, Every: 2}, cap.Fault{Kind: cap.FaultDisconnect, Every: 2})},
	{name: "OCM and CAP: no answer", lasts: 15 * time.Second, begin: services(
		ocm.Fault{Kind: ocm.Hang}, cap.Fault{Kind: cap.FaultHang})},
	{name: "registries: nothing but 429 with Retry-After", lasts: 15 * time.Second, begin: registries(registry.Fault{Kind: registry.RateLimited, RetryAfter: 5 * second})},
	{name: "registries: nothing but 429 without Retry-After", lasts: 15 * time.Second, begin: registries(registry.Fault{Kind: registry.RateLimited})},
	{name: "registries: nothing but 500", lasts: 15 * time.Second, begin: registries(registry.Fault{Kind: registry.Error500})},
	{name: "registries: each second connection is reset", lasts: 10 * time.Second, begin: registries(registry.Fault{Kind: registry.Dropped, Every: 2})},
	{name: "registries: no answer", lasts: 15 * time.Second, begin: registries(registry.Fault{Kind: registry.Hang})},
}
