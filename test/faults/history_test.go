package faults

import (
	"fmt"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// event is one write in the history of a run: a write to an object of the API server, or a request for a rotation to OCM.
type event struct {
	// object is what it is about: a resource with its name, or the account at OCM.
	object string
	// expected is the version that the write insisted on.
	expected string
	// version is that after the write; empty if it was refused.
	version string
	// conflict is true if the object had another version, or existed already.
	conflict bool
	// created is true if there was no object.
	created bool
	// unknown is true if there was no answer: it may have happened, and what version it left is not known.
	unknown bool
}

// ocmAccount is the object of requests for a rotation.
const ocmAccount = "the account at OCM"

// writesOf are the writes that were sent through a proxy. One without an answer may still happen until the end of the history. A status is written
// with a part of its object alone, so it is the same object.
func writesOf(client int, api *harness.Tap) []porcupine.Operation {
	var list []porcupine.Operation
	for _, r := range api.Requests(func(r harness.Recorded) bool { return r.IsWrite() && judged(r) }) {
		e := event{object: r.Resource + " " + r.Namespace + "/" + r.Name, expected: r.Expected, version: r.Version,
			conflict: r.Status == http.StatusConflict, created: r.Status == http.StatusCreated, unknown: r.Status == 0}
		op := porcupine.Operation{ClientId: client, Call: r.Started.UnixNano(), Return: r.Ended.UnixNano(), Input: e}
		if e.unknown {
			op.Return = math.MaxInt64
		}
		list = append(list, op)
	}
	return list
}

// judged selects writes to objects that only the operator writes during a run. A creation cannot overwrite anything, and a deletion has no version.
func judged(r harness.Recorded) bool {
	return r.Name != "" && r.Verb != "delete" && (r.Resource == "leases" || !r.IsBookkeeping()) && (r.Status < http.StatusMultipleChoices || r.Status == http.StatusConflict)
}

// state of one object in the model.
type state struct {
	// version is empty if it is not known: at the begin, and after a write without an answer.
	version string
	// asked is true once a rotation has been requested of OCM.
	asked bool
}

// model accepts a history if its writes could have happened one after the other, each at a moment between its begin and its end, such that each
// insisted on the version that the previous one left; and one rotation is requested at most.
var model = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{state{}} },
	Step: func(was, input, _ any) []any { return step(was.(state), input.(event)) },
	DescribeOperation: func(input, _ any) string {
		e := input.(event)
		return fmt.Sprintf("%s: %q becomes %q (conflict %t, created %t, unknown %t)", e.object, e.expected, e.version, e.conflict, e.created, e.unknown)
	},
}).ToModel()

// step returns the states in which an event may leave an object; none if it cannot have happened.
func step(was state, e event) []any {
	fits := was.version == "" || was.version == e.expected
	switch {
	case e.object == ocmAccount:
		if was.asked {
			return nil
		}
		return []any{state{asked: true}}
	case e.unknown && fits && e.expected != "":
		return []any{was, state{}}
	case e.unknown:
		return []any{was}
	case e.conflict:
		if was.version != "" && fits {
			return nil
		}
		return []any{was}
	case e.version != "" && (e.created || e.version == was.version || fits && e.expected != ""):
		return []any{state{version: e.version}}
	}
	return nil // It overwrites whatever is there.
}

// byObject are the parts of a history that can be judged alone.
func byObject(history []porcupine.Operation) [][]porcupine.Operation {
	parts, order := map[string][]porcupine.Operation{}, []string{}
	for _, op := range history {
		object := op.Input.(event).object
		if parts[object] == nil {
			order = append(order, object)
		}
		parts[object] = append(parts[object], op)
	}
	list := make([][]porcupine.Operation, 0, len(order))
	for _, object := range order {
		list = append(list, parts[object])
	}
	return list
}

// linearisable fails the test if the history is not, and shows where.
func linearisable(t *testing.T, history []porcupine.Operation) bool {
	t.Helper()
	ok := true
	for _, part := range byObject(history) {
		if result := porcupine.CheckOperationsTimeout(model, part, time.Minute); result != porcupine.Ok {
			for _, op := range part {
				t.Logf("replica %d, %s to %s: %s", op.ClientId, time.Unix(0, op.Call).Format(time.StampMicro), time.Unix(0, op.Return).Format(time.StampMicro), model.DescribeOperation(op.Input, nil))
			}
			t.Errorf("the writes of %s cannot have happened one after the other: %s", part[0].Input.(event).object, result)
			ok = false
		}
	}
	return ok
}

// The judge itself must notice what it is for.
func TestHistory_NoticesWhatMustNotBe(t *testing.T) {
	at := func(call int64, e event) porcupine.Operation {
		return porcupine.Operation{Call: call, Return: call + 5, Input: e}
	}
	write := func(expected, version string) event { return event{object: "a", expected: expected, version: version} }
	refused := func(expected string) event { return event{object: "a", expected: expected, conflict: true} }
	lost := porcupine.Operation{Call: 1, Return: math.MaxInt64, Input: event{object: "a", expected: "2", unknown: true}}
	cases := map[string]struct {
		want    porcupine.CheckResult
		history []porcupine.Operation
	}{
		"one after the other":     {porcupine.Ok, []porcupine.Operation{at(0, write("1", "2")), at(10, write("2", "3")), at(20, refused("2"))}},
		"at the same time":        {porcupine.Ok, []porcupine.Operation{at(0, write("1", "2")), at(11, write("3", "4")), at(10, write("2", "3"))}},
		"created":                 {porcupine.Ok, []porcupine.Operation{at(0, event{object: "a", version: "1", created: true}), at(10, write("1", "2"))}},
		"an answer was lost":      {porcupine.Ok, []porcupine.Operation{at(0, write("1", "2")), lost, at(10, write("3", "4"))}},
		"lost, without an effect": {porcupine.Ok, []porcupine.Operation{at(0, write("1", "2")), lost, at(10, write("2", "4"))}},
		"an older version is written over": {porcupine.Illegal, []porcupine.Operation{
			at(0, write("1", "2")), at(10, write("2", "3")), at(20, write("2", "4")),
		}},
		"whatever is there is written over": {porcupine.Illegal, []porcupine.Operation{at(0, write("", "2"))}},
		"refused without a reason":          {porcupine.Illegal, []porcupine.Operation{at(0, write("1", "2")), at(10, refused("2"))}},
		"two rotations":                     {porcupine.Illegal, []porcupine.Operation{at(0, event{object: ocmAccount}), at(10, event{object: ocmAccount})}},
	}
	for name, c := range cases {
		if got := porcupine.CheckOperationsTimeout(model, c.history, time.Minute); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
