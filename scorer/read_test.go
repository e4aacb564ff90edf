package scorer

import (
	"os"
	"testing"
)

func TestContractModelReads(t *testing.T) {
	text, err := os.ReadFile("testdata/models/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := ReadModel("contract.yaml", text)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Logf("%+v", m.engagement)
	t.Logf("%+v %+v %+v %+v", m.fit, m.qualification, m.tiers, m.stills)
}
