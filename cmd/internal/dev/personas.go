package dev

import "math/rand/v2"

// persona is a kind of lead, with the story that one of them goes through.
type persona struct {
	name  string
	story func(random *rand.Rand) []Act
}

// personas are the kinds of leads that come by. They are listed in the order in which the first ones come.
var personas = []persona{
	{"champion: knows what it wants, and says so", func(r *rand.Rand) []Act {
		return join(
			profile("VP Engineering", "vp", "software", 900+r.IntN(3000)),
			pricing(), page("/product"), demo(), pricing(), webinar(), page("/customers"),
			rated("need", 5), rated("interest", 5), rated("budget", 4), rated("timeframe", 5), rated("authority", 5),
			disposition("interested"), email("clicked"), page("/docs/security"),
		)
	}},
	{"buyer: comes for a price, is called, has a budget", func(r *rand.Rand) []Act {
		return join(
			page("/"), pricing(), profile("CTO", "c-level", "manufacturing", 400+r.IntN(900)), pricing(), demo(),
			rated("need", 5), rated("budget", 4+r.IntN(2)), rated("timeframe", 4), rated("authority", 5), rated("interest", 4),
			email("opened"), page("/legal/terms"),
		)
	}},
	{"evaluator: tries before it talks", func(r *rand.Rand) []Act {
		return join(
			page("/docs"), page("/docs/quickstart"), product("signed_up"), product("connected_source"), download("benchmark"),
			profile("Staff Engineer", "individual", "software", 100+r.IntN(500)), product("invited_colleague"),
			page("/docs/operations"), rated("need", 4), rated("authority", 2), rated("interest", 4), webinar(),
		)
	}},
	{"student: reads everything, buys nothing", func(*rand.Rand) []Act {
		return join(
			page("/blog/lead-scoring"), download("white-paper"), profile("Student", "student", "education", 1),
			page("/docs"), download("thesis-data"), webinar(), page("/careers"), disposition("invalid"),
		)
	}},
	{"browser: looks in and leaves", func(r *rand.Rand) []Act {
		acts := join(page("/"), page("/blog/lead-scoring"))
		for range r.IntN(4) {
			acts = append(acts, page("/blog/decay")...)
		}
		return acts
	}},
	{"cooled: hot until the budget is cut", func(r *rand.Rand) []Act {
		return join(
			profile("Head of Sales", "director", "logistics", 60+r.IntN(120)), pricing(),
			rated("need", 5), rated("interest", 5), rated("budget", 5), rated("timeframe", 5), rated("authority", 4), email("clicked"),
			rated("budget", 1), rated("timeframe", 1), rated("interest", 1), rated("need", 2),
			disposition("not_interested"), email("unsubscribed"),
		)
	}},
	{"unsubscriber: has had enough of e-mail", func(r *rand.Rand) []Act {
		return join(
			profile("Marketing Manager", "manager", "retail", 60+r.IntN(120)), pricing(), download("buyers-guide"), email("opened"),
			email("clicked"), pricing(), webinar(), email("unsubscribed"),
		)
	}},
	{"procurement: has the money, not the need", func(r *rand.Rand) []Act {
		return join(
			profile("Procurement Lead", "manager", "finance", 2000+r.IntN(5000)), pricing(), page("/legal/terms"),
			rated("budget", 5), rated("authority", 3), rated("need", 2), rated("timeframe", 3), rated("interest", 3),
		)
	}},
	{"competitor: studies the prices", func(*rand.Rand) []Act {
		return join(
			pricing(), pricing(), page("/product"), download("benchmark"), demo(),
			profile("Product Manager", "manager", "software", 80), disposition("invalid"),
		)
	}},
	{"executive: one short, serious visit", func(r *rand.Rand) []Act {
		return join(
			profile("COO", "c-level", "healthcare", 1500+r.IntN(4000)), page("/customers"), pricing(), demo(),
			rated("need", 4), rated("authority", 5), rated("budget", 5), rated("timeframe", 4), rated("interest", 5),
		)
	}},
	{"researcher: webinars and papers, year after year", func(r *rand.Rand) []Act {
		return join(
			webinar(), download("white-paper"), profile("Analyst", "individual", "consulting", 60+r.IntN(90)),
			email("opened"), download("benchmark"), webinar(), rated("timeframe", 2), rated("need", 2),
		)
	}},
	{"reader: opens each newsletter", func(r *rand.Rand) []Act {
		acts := join(page("/blog/decay"))
		for range 2 + r.IntN(4) {
			acts = append(acts, email("opened")...)
		}
		return append(acts, join(email("clicked"), page("/product"), pricing())...)
	}},
}

func join(parts ...[]Act) []Act {
	var acts []Act
	for _, p := range parts {
		acts = append(acts, p...)
	}
	return acts
}

func page(url string) []Act {
	return []Act{{Source: "web", Type: "page.viewed", Data: map[string]any{"url": url}}}
}

func pricing() []Act {
	return []Act{{Source: "web", Type: "pricing.viewed", Data: map[string]any{"url": "/pricing"}}}
}

func email(what string) []Act {
	return []Act{{Source: "mail", Type: "email." + what, Data: map[string]any{"campaign": "autumn"}}}
}

func download(asset string) []Act {
	return []Act{{Source: "web", Type: "content.downloaded", Data: map[string]any{"asset": asset}}}
}

func webinar() []Act {
	return []Act{{Source: "webinars", Type: "webinar.attended", Data: map[string]any{"minutes": 40}}}
}

func demo() []Act {
	return []Act{{Source: "web", Type: "demo.requested", Data: map[string]any{}}}
}

func product(what string) []Act {
	return []Act{{Source: "product", Type: "product." + what, Data: map[string]any{}}}
}

func profile(title, seniority, industry string, employees int) []Act {
	return []Act{{Source: "crm", Type: "lead.profiled", Data: map[string]any{"attributes": map[string]any{
		"title": title, "seniority": seniority, "industry": industry, "employees": employees, "country": "DE",
	}}}}
}

func rated(criterion string, rating int) []Act {
	return []Act{{Source: "crm", Type: "criterion.rated", Data: map[string]any{"criterion": criterion, "rating": rating, "by": "sdr-7"}}}
}

func disposition(d string) []Act {
	return []Act{{Source: "crm", Type: "lead.dispositioned", Data: map[string]any{"disposition": d}}}
}

var (
	firstNames = []string{"Mara", "Jonas", "Amira", "Piotr", "Lucia", "Tomas", "Ines", "Kofi", "Yuki", "Elif", "Noor", "Sven", "Priya", "Diego", "Hanna", "Owen", "Zofia", "Ravi", "Clara", "Matteo"}
	lastNames  = []string{"Lindqvist", "Okafor", "Brandt", "Novak", "Moreau", "Tanaka", "Silva", "Keller", "Haddad", "Kowalski", "Rossi", "Murphy", "Yilmaz", "Costa", "Berg", "Patel", "Fischer", "Duarte"}
	companies  = []string{"Northwind Labs", "Halden Freight", "Brightwater", "Oxbow Robotics", "Cedar Health", "Lumen Foods", "Kestrel Bank", "Tidepool", "Granite Works", "Ostrava Steel", "Meridian Rail", "Fjord Energy", "Papaya Retail", "Saffron Media"}
)
