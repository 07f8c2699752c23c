// Package conditions sets the three kstatus conditions in consistent combinations, so that Flux and kubectl wait read both kinds alike.
//
// kstatus (sigs.k8s.io/cli-utils/pkg/kstatus) wants Reconciling and Stalled present only while they are True.
package conditions

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	ready       = "Ready"
	reconciling = "Reconciling"
	stalled     = "Stalled"

	// maxMessage keeps a message readable in one screen of "oc describe"; the API's own limit is 32 KiB.
	maxMessage = 1024
)

// Object is anything with conditions and a generation.
type Object interface {
	GetConditions() []metav1.Condition
	SetConditions([]metav1.Condition)
	GetGeneration() int64
}

// Ready: the cluster is in the state that the spec asks for.
func Ready(o Object, reason, message string) {
	Set(o, ready, metav1.ConditionTrue, reason, message)
	Remove(o, reconciling)
	Remove(o, stalled)
}

// Progressing: the operator works or waits, and nothing is wrong.
func Progressing(o Object, reason, message string) {
	Set(o, ready, metav1.ConditionUnknown, reason, message)
	Set(o, reconciling, metav1.ConditionTrue, reason, message)
	Remove(o, stalled)
}

// Failing: something is wrong, and the operator retries.
func Failing(o Object, reason, message string) {
	Set(o, ready, metav1.ConditionFalse, reason, message)
	Set(o, reconciling, metav1.ConditionTrue, reason, message)
	Remove(o, stalled)
}

// Stalled: something is wrong that somebody must fix.
func Stalled(o Object, reason, message string) {
	Set(o, ready, metav1.ConditionFalse, reason, message)
	Set(o, stalled, metav1.ConditionTrue, reason, message)
	Remove(o, reconciling)
}

// Set sets one condition; its transition time changes only with its status.
func Set(o Object, conditionType string, status metav1.ConditionStatus, reason, message string) {
	conditions := o.GetConditions()
	meta.SetStatusCondition(&conditions, metav1.Condition{
		Type: conditionType, Status: status, Reason: reason, Message: Shorten(message, maxMessage), ObservedGeneration: o.GetGeneration(),
	})
	o.SetConditions(conditions)
}

// KeepTimes gives each condition whose status is what it was before the time since when it is that: it may have been another for a moment in between,
// of which nobody has heard.
func KeepTimes(o Object, before []metav1.Condition) {
	all := o.GetConditions()
	for i := range all {
		if was := meta.FindStatusCondition(before, all[i].Type); was != nil && was.Status == all[i].Status {
			all[i].LastTransitionTime = was.LastTransitionTime
		}
	}
}

// AddToReady appends a sentence to the message of Ready, once. It does nothing if the object has no Ready condition yet.
func AddToReady(o Object, words string) {
	is := meta.FindStatusCondition(o.GetConditions(), ready)
	if is != nil && !strings.HasSuffix(is.Message, words) {
		Set(o, ready, is.Status, is.Reason, is.Message+" "+words)
	}
}

// Remove removes a condition that is present only while it is True.
func Remove(o Object, conditionType string) {
	conditions := o.GetConditions()
	meta.RemoveStatusCondition(&conditions, conditionType)
	o.SetConditions(conditions)
}

// Shorten cuts a text to at most limit characters, with an ellipsis if something was cut off.
func Shorten(text string, limit int) string {
	r := []rune(text)
	if len(r) <= limit {
		return text
	}
	return string(r[:limit-1]) + "…"
}
