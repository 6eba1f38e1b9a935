-- The queries that sqlparse formats.
select a.id, a.name, count(*) as n, sum(case when b.state = 'paid' then b.amount when b.state = 'open' then 0 else -1 end) as total from accounts a left join bills b on b.account_id = a.id and b.created between '2024-01-01' and '2024-12-31' where a.active = 1 and (a.kind in ('x', 'y', 'z') or a.kind is null) group by a.id, a.name having count(*) > 3 order by total desc, a.name limit 10;

with recent as (select id, max(created) as last from events where created > now() - interval '7 days' group by id), ranked as (select id, last, row_number() over (partition by id order by last desc) as place from recent) select r.id, r.last, (select count(*) from events e where e.id = r.id) as events from ranked r where r.place between 1 and 5 and exists (select 1 from users u where u.id = r.id and u.banned = 0) union all select 0, null, 0;

update accounts set name = upper(trim(name)), changed = now() where id in (select account_id from bills where amount < 0 and state <> 'void') or name like '%test%';

begin; select coalesce(x.value, y.value, 0) from x full outer join y using (id) where x.value between y.low and y.high and y.value not between 1 and 2; commit;

