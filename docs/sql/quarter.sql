-- The totals of a quarter in plain SQL (PostgreSQL 14 or newer), from the leaves of a ledger alone.
--
-- It shares no code with greengate. Load an export into leaf(idx bigint, entry_id text, body jsonb), the first `size`
-- entries of the report, and say which period is meant in asked(start, stop, zone, edge): its first instant, the first
-- instant that no longer counts, the time zone of the calendar's months, and whose edge devices are: 'sold' by the
-- company, or anything else. All is made in the session and gone with it, but for the function half_up. Every amount is a whole number: mJ, ugCO2e, uEUR, inferences.

-- 1. Each kind of record as a table.

create temporary table decided as
select idx, entry_id, (p->>'at')::timestamptz as at, p->>'project' as project, p->>'model' as model, p->>'outcome' as outcome,
       p->'change'->>'id' as change, (p->>'in_force')::boolean as in_force, p->>'conversion' as conversion, p->>'measurement' as measurement
from (select idx, entry_id, body->'predicate' as p from leaf where body->>'predicateType' = 'urn:greengate:decision:v2') d;

create temporary table converted as
select idx, entry_id, p->>'measurement' as measurement, p->>'supersedes' as supersedes, nullif(p->'conversion', 'null') as said,
       p->'candidate' as year
from (select idx, entry_id, body->'predicate' as p from leaf where body->>'predicateType' = 'urn:greengate:conversion:v1') c;

create temporary table settled as
select idx, entry_id, (p->>'at')::timestamptz as at, p->>'state' as state, p->>'change' as change, p->'decisions' as decisions
from (select idx, entry_id, body->'predicate' as p from leaf where body->>'predicateType' = 'urn:greengate:settlement:v1') s;

create temporary table acted as
select idx, entry_id, p->>'project' as project, p->>'model' as model, (p->>'start')::timestamptz as start, (p->>'end')::timestamptz as stop,
       (p->>'inferences')::numeric as inferences, (p->>'it_energy_mj')::numeric as it, (p->>'idle_energy_mj')::numeric as idle
from (select idx, entry_id, body->'predicate' as p from leaf where body->>'predicateType' = 'urn:greengate:activity:v1') a;

create index on converted (entry_id);
create index on converted (supersedes);
create index on decided (change);
analyze decided;
analyze converted;

-- 2. What came into force when: decisions on the base branch, and of each change the newest decision on each model before
--    the first settlement that says it was merged, or the decisions that this names. Retired models end.

create temporary view merged as
select distinct on (change) * from settled where state = 'merged' and change <> '' order by change, idx;

create temporary table begun as
select idx, at, project, model, idx as decision, false as retired from decided where in_force
union all
(select distinct on (m.idx, d.project, d.model) m.idx, m.at, d.project, d.model, d.idx, false
 from merged m join decided d on d.change = m.change and d.idx < m.idx
 where jsonb_array_length(m.decisions) = 0
 order by m.idx, d.project, d.model, d.idx desc)
union all
(select distinct on (m.idx, d.project, d.model) m.idx, m.at, d.project, d.model, d.idx, false
 from (select * from merged union all select * from settled where state = 'merged' and change = '') m
 join decided d on m.decisions ? d.entry_id and d.idx < m.idx
 order by m.idx, d.project, d.model, d.idx desc)
union all
select idx, (body->'predicate'->>'at')::timestamptz, body->'predicate'->>'project', body->'predicate'->>'model', null, true
from leaf where body->>'predicateType' = 'urn:greengate:retirement:v1';

-- 3. The conversion of each as it stands now: the newest that takes the place of another one, of the same measurement.

create temporary view standing as
with recursive chain(idx, entry_id) as (
  select b.idx, d.conversion, d.measurement, b.project, b.model, b.at, 0 as step
  from begun b join decided d on d.idx = b.decision where d.conversion <> ''
  union all
  select c.idx, (select n.entry_id from converted n where n.supersedes = c.entry_id and n.measurement = c.measurement order by n.idx desc limit 1),
         c.measurement, c.project, c.model, c.at, c.step + 1
  from chain c
  where exists (select 1 from converted n where n.supersedes = c.entry_id and n.measurement = c.measurement)
)
select distinct on (chain.idx, project, model) chain.idx, project, model, at, chain.entry_id, v.said, v.year
from chain join converted v on v.entry_id = chain.entry_id
order by chain.idx, project, model, step desc;

-- A version without a deployment, or without any amount of a year, leaves the earlier one in force.

create temporary table version as
select s.idx, s.project, s.model, s.at, s.said, s.year, false as retired from standing s
where s.said is not null and coalesce(nullif(s.year->'energy_mj', 'null'), nullif(s.year->'location_ugco2e', 'null'),
                                      nullif(s.year->'market_ugco2e', 'null'), nullif(s.year->'cost_ueur', 'null')) is not null
union all
select idx, project, model, at, null, null, true from begun where retired;

create temporary view span as
select *, lead(at, 1, 'infinity') over (partition by project, model order by at, idx) as until from version;

-- 4. Cut at months of the calendar, at years in UTC, and at the ends of activities; each part in whole microseconds.

create temporary view mark as
select project, model, m as at from (select distinct project, model from begun) b, asked,
  lateral (select generate_series(date_trunc('month', (start at time zone zone)) , stop at time zone zone, '1 month') at time zone zone as m
           union select generate_series(date_trunc('year', start at time zone 'UTC'), stop at time zone 'UTC' + interval '1 year', '1 year') at time zone 'UTC') marks
union select project, model, start from acted
union select project, model, stop from acted
union select project, model, at from version
union select project, model, start from (select distinct project, model from begun) b, asked
union select project, model, stop from (select distinct project, model from begun) b, asked;

create temporary view part as
select c.project, c.model, c.at as start, c.next as stop, s.said, s.year,
       (extract(epoch from c.next) - extract(epoch from c.at)) * 1000000 as t,
       (extract(epoch from (date_trunc('year', c.at at time zone 'UTC') + interval '1 year') at time zone 'UTC')
        - extract(epoch from date_trunc('year', c.at at time zone 'UTC') at time zone 'UTC')) * 1000000 as y,
       a.idx as activity, a.inferences as n, a.it, a.idle,
       (extract(epoch from a.stop) - extract(epoch from a.start)) * 1000000 as a
from (select *, lead(at) over (partition by project, model order by at) as next from mark) c
join span s on s.project = c.project and s.model = c.model and s.at <= c.at and c.at < s.until and not s.retired
left join lateral (select * from acted where acted.project = c.project and acted.model = c.model
                   and acted.start <= c.at and c.at < acted.stop order by acted.idx desc limit 1) a on true,
asked
where c.next > c.at and asked.start <= c.at and c.next <= asked.stop;

-- 5. What each part took. half_up(a, b) is the whole number nearest to a / b, by whole numbers alone.

create or replace function half_up(a numeric, b numeric) returns numeric language sql immutable as
$$ select div(2 * a + b, 2 * b) $$;

create temporary view taken as
select project, model, start, stop, said->>'kind' as kind, said->'intensity'->>'basis' as basis,
  case when n is not null then half_up(n * t, a) else half_up(r * t, y) end as inferences,
  case when it is not null then half_up(it * t * pue, a) when n is not null then half_up(energy * n * t, r * a) else half_up(energy * t, y) end
    + idle_energy as energy,
  case when it is not null then half_up(half_up(it * t * pue, a) * grid, 3600) when n is not null then half_up(location * n * t, r * a)
       else half_up(location * t, y) end + case when idle > 0 then half_up(idle_energy * grid, 3600) else 0 end as location,
  case when it is not null then half_up(half_up(it * t * pue, a) * contracts, 3600) when n is not null then half_up(market * n * t, r * a)
       else half_up(market * t, y) end + case when idle > 0 then half_up(idle_energy * contracts, 3600) else 0 end as market,
  case when it is not null then half_up(half_up(it * t * pue, a) * price, 3600) when n is not null then half_up(cost * n * t, r * a)
       else half_up(cost * t, y) end + case when idle > 0 then half_up(idle_energy * price, 3600) else 0 end as cost,
  case when machines is not null or n is null then half_up(embodied * t, y) else half_up(embodied * n * t, r * a) end as embodied
from (
  select *, case when idle > 0 then half_up(idle * t * pue, a) else 0 end as idle_energy
  from (
    select part.*, (said->>'inferences_per_year')::numeric as r, (said->'pue'->>'value')::numeric as pue,
      (said->'intensity'->>'value')::numeric as grid, (said->'price'->>'value')::numeric as price,
      (select sum((m->>'share')::numeric * (m->'factor'->>'value')::numeric) from jsonb_array_elements(said->'market') m) as contracts,
      said->'embodied'->>'machines' as machines,
      (year->'energy_mj'->>'amount')::numeric as energy, (year->'location_ugco2e'->>'amount')::numeric as location,
      (year->'market_ugco2e'->>'amount')::numeric as market, (year->'cost_ueur'->>'amount')::numeric as cost,
      (year->'embodied_ugco2e'->>'amount')::numeric as embodied
    from part
  ) factors
) drawn;

-- 6. Trainings: once each, in the moment in which the first version that has it came into force.

create temporary view trained as
select distinct on (m.p->>'training') m.p->>'training' as training, b.at,
  half_up((m.p->'candidate'->'figures'->'training_energy'->>'amount')::numeric * 1000, 1) as energy,
  half_up((m.p->'candidate'->'figures'->'training_carbon'->>'amount')::numeric * 1000000, 1) as location
from begun b join decided d on d.idx = b.decision
join (select entry_id, body->'predicate' as p from leaf where body->>'predicateType' = 'urn:greengate:measurement:v1') m
  on m.entry_id = d.measurement
where m.p->>'training' <> ''
order by m.p->>'training', b.at, b.idx;

-- 7. The totals, by the ids that the report gives them.

create temporary view quarter as
with own as (select * from taken where kind = 'own'), bought as (select * from taken where kind in ('cloud', 'api')),
     edge as (select * from taken where kind = 'edge'),
     counted as (select t.* from taken t, asked where t.kind <> 'edge' or asked.edge = 'sold'),
     training as (select trained.* from trained, asked where asked.start <= trained.at and trained.at < asked.stop)
select 'activity.energy' as id, coalesce(sum(energy), 0) as amount from taken
union all select 'activity.cost', coalesce(sum(cost), 0) from taken
union all select 'activity.inferences', coalesce(sum(inferences), 0) from taken
union all select 'activity.energy_total', coalesce(sum(energy), 0) from (select energy from taken union all select energy from training) e
union all select 'emissions.scope_2_location', coalesce(sum(location), 0) from own
union all select 'emissions.scope_2_market', coalesce(sum(market), 0) from own
union all select 'emissions.scope_3_1_location', coalesce(sum(location), 0) from bought
union all select 'emissions.scope_3_1_market', coalesce(sum(market), 0) from bought
union all select 'emissions.scope_3_1_embodied', coalesce(sum(embodied), 0) from bought
union all select 'emissions.training', coalesce(sum(location), 0) from training
union all select 'emissions.total_location', coalesce(sum(location), 0)
  from (select location from counted union all select embodied from bought union all select location from training) l
union all select 'emissions.total_market', coalesce(sum(market), 0)
  from (select market from counted union all select embodied from bought union all select location from training) m
union all select 'gate.decisions', count(*) from decided, asked where asked.start <= decided.at and decided.at < asked.stop
union all select 'gate.failed', count(*) from decided, asked where outcome = 'failed' and asked.start <= decided.at and decided.at < asked.stop;
