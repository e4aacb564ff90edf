package bench

// warmEvents are the events of the bulk work that warms the broker up.
const warmEvents = 1_000_000

// warmUp runs, unmeasured, what makes the broker's JVM compile its ways: those of bulk work and those of many small
// requests, of hotlead and of Kafka Streams. Otherwise the contenders that come first would pay for those after them: a
// cold broker spends half a processor on compiling for minutes.
func (s *servers) warmUp() {
	s.b.Helper()
	w := s.w1(warmEvents)
	for _, c := range byThroughput {
		if c.name == Hotlead || c.name == StreamsTuned && s.programs.peers != "" {
			_, err := s.measure(c, w)
			said(c, "bulk work", err)
		}
	}
	for _, c := range byLatency {
		if c.name == Hotlead || c.name == StreamsPrompt && s.programs.peers != "" {
			_, err := s.prompt(c)
			said(c, "the steady rate", err)
		}
	}
}

func said(c contender, work string, err error) {
	if err != nil {
		say("warming up by %s: %s: %v", work, c.name, err)
		return
	}
	say("warmed up by %s: %s", work, c.name)
}
