package simulation

import "testing"

func TestASeedGivesTheSameJournalEachTime(t *testing.T) {
	for seed := range uint64(2) {
		first, second := history(t, seed, 40, nil, newTally()), history(t, seed, 40, nil, newTally())
		if len(first.journal) < 100 {
			t.Fatalf("seed %d: the journal has %d lines", seed, len(first.journal))
		}
		for i := range first.journal {
			if i >= len(second.journal) || first.journal[i] != second.journal[i] {
				t.Fatalf("seed %d: line %d differs: %s", seed, i, first.journal[i])
			}
		}
		if first.text() != second.text() {
			t.Fatalf("seed %d: the second journal is longer", seed)
		}
	}
}

func TestAPrefixOfAHistoryIsTheHistoryOfFewerSteps(t *testing.T) {
	long, short := history(t, 7, 40, nil, newTally()), history(t, 7, 15, nil, newTally())
	for i, line := range short.journal {
		if len(line) > 18 && line[19:] == "THE FAULTS END" {
			return
		}
		if line != long.journal[i] {
			t.Fatalf("line %d differs: %s and %s", i, line, long.journal[i])
		}
	}
	t.Fatal("the faults never end")
}
