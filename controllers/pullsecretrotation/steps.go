package pullsecretrotation

import (
	"context"
	"fmt"

	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// step says how a step is performed: it gathers a fact, or it has an effect.
type step struct {
	// looks gathers a fact. Only learn processes its result.
	looks func(*scope, context.Context) (decide.Facts, error)
	// notes records in the status what does is about to do. The status is persisted before does, so that it survives a crash.
	notes func(*scope)
	does  func(*scope, context.Context, decide.Decision) error
}

// asRecorded persists the status as it is.
func asRecorded(*scope) {}

// steps are all steps except Wait.
var steps = map[decide.Step]step{
	decide.LookAtCluster:   {looks: (*scope).lookAtCluster},
	decide.LookAtTargets:   {looks: (*scope).lookAtTargets},
	decide.LookAtRights:    {looks: (*scope).lookAtRights},
	decide.LookAtPools:     {looks: (*scope).lookAtPools},
	decide.LookAtMachines:  {looks: (*scope).lookAtMachines},
	decide.LookAtAccount:   {looks: (*scope).lookAtAccount},
	decide.LookAtOwner:     {looks: (*scope).lookAtOwner},
	decide.LookAtSiblings:  {looks: (*scope).lookAtSiblings},
	decide.LookAtRotations: {looks: (*scope).lookAtRotations},
	decide.LookAtIssued:    {looks: (*scope).lookAtIssued},
	decide.LookAtOffer:     {looks: (*scope).lookAtOffer},
	decide.LookAtBackup:    {looks: (*scope).lookAtBackup},
	decide.CheckIssued:     {looks: (*scope).checkIssued},
	decide.CheckInUse:      {looks: (*scope).checkInUse},
	decide.CheckBackup:     {looks: (*scope).checkBackup},
	decide.CheckOld:        {looks: (*scope).checkOld},

	decide.Begin:           {does: (*scope).begin},
	decide.Abandon:         {does: (*scope).abandon},
	decide.RecordIntent:    {notes: (*scope).noteIntent, does: (*scope).claimIntent},
	decide.Request:         {does: (*scope).request},
	decide.RecordID:        {does: (*scope).recordID},
	decide.MarkIssued:      {does: (*scope).markIssued},
	decide.MarkVerified:    {does: (*scope).markVerified},
	decide.Apply:           {notes: (*scope).notePools, does: (*scope).apply},
	decide.Heal:            {notes: (*scope).notePools, does: (*scope).apply},
	decide.RollBack:        {notes: (*scope).noteRollback, does: (*scope).rollBack},
	decide.MarkRolledOut:   {does: (*scope).markRolledOut},
	decide.Finish:          {does: (*scope).finish},
	decide.RecordSatisfied: {does: (*scope).recordSatisfied},
	decide.RecordHealth:    {does: (*scope).recordHealth},

	decide.RecordRevocation: {does: (*scope).recordRevocation},
	decide.DropBackup:       {notes: asRecorded, does: (*scope).dropBackup},

	decide.LookAtProbes: {looks: (*scope).lookAtProbes},
	decide.CheckProbe:   {looks: (*scope).checkProbe},
	decide.PlanProbe:    {does: (*scope).planProbe},
	decide.StartProbe:   {does: (*scope).startProbe},
	decide.RecordProbes: {does: (*scope).recordProbes},
	decide.DropProbes:   {notes: asRecorded, does: (*scope).dropProbes},
}

// perform performs one step.
func (s *scope) perform(ctx context.Context, d decide.Decision) error {
	p, ok := steps[d.Step]
	if !ok {
		return fmt.Errorf("unknown step %q: this is a bug, please report it", d.Step)
	}
	if p.looks != nil {
		seen, err := p.looks(s, ctx)
		if err != nil {
			return err
		}
		s.learn(seen)
		return nil
	}
	if p.notes != nil {
		p.notes(s)
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	return p.does(s, ctx, d)
}
