// Package faults runs the operator on a real control plane while something fails: a leader that dies or stands still, an API server that is
// disturbed, etcd that is lost or restored, services that do not answer. Each test prints what was lost, what was done twice, and how long the
// operator needed until all was right again; times are printed and never asserted.
package faults
